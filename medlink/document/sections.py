"""``medlink_sections``: the sections of clinical notes, normalised to LOINC document sections."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from medlink.document.carrying import RuleCarrier
from medlink.document.headings import BEFORE_EXAM, Heading, HeadingFinder, SectionRule
from medlink.document.offsets import first_tokens, token_starts
from medlink.document.rules import own_rules

_KEY = "medlink.sections"
# Sections that go through the systems of the body, and what often stands among these without ending them.
_BY_SYSTEM = {
    **dict.fromkeys(("review_of_systems", "physical_exam"), frozenset({"social_history", "vital_signs"})),
    **dict.fromkeys(
        ("assessment_and_plan", "assessment", "plan", "hospital_course"),
        frozenset({"prophylaxis", "disposition", "discharge_instructions"}),
    ),
}
# What an examination without a heading of its own begins with, and the sections that cannot go on with it. Histories
# may go through the systems of the body ("Cardiac:"), but not through its parts.
_BEGINS_EXAM = "general"
_BODY_PARTS = frozenset("neck heart lungs abdomen abd extremities ext legs back nails scalp pupils groin trunk".split())
#: Name, LOINC code, parent, and as tokens: start and end of the heading, start and end of the text under it.
SectionRow = tuple[str, str, str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a note.

    Arguments:
        name: Name of the section, as ``past_medical_history``; "" where no rule knows the heading.
        loinc: LOINC code of the section, or "".
        parent: Name of the section that it is a part of (the examination, of its organ systems), or "".
        title: The heading, without its colon.
        body: The text under it, up to the next heading.
    """

    name: str
    loinc: str
    parent: str
    title: Span
    body: Span


@Language.factory("medlink_sections", assigns=["doc._.sections"], default_config={"rules": None})
def make_sections(nlp: Language, name: str, rules: str | None) -> "MedlinkSections":
    """Make the component."""
    return MedlinkSections(name, rules=rules)


class MedlinkSections(RuleCarrier[SectionRule]):
    """Finds the sections of a note and sets ``doc._.sections``; ``span._.section`` is the one a span lies in.

    Names and codes are those of LOINC's document sections, https://loinc.org.

    Arguments:
        name: Name in the pipeline.
        rules: A file with further rules, JSON Lines of :class:`~medlink.document.headings.SectionRule`;
            they win over those that medlink brings.
    """

    rule_kind = SectionRule

    def __init__(self, name: str = "medlink_sections", *, rules: str | Path | None = None) -> None:
        super().__init__(name, default_section_rules(), rules)

    def _changed(self) -> None:
        self.finder = HeadingFinder(self.rules)

    def __call__(self, doc: Doc) -> Doc:
        """Find the sections of a document."""
        doc.user_data[_KEY] = find_sections(doc, self.finder)
        return doc


def default_section_rules() -> list[SectionRule]:
    """The rules that medlink brings."""
    return own_rules("medlink.document", "sections.jsonl", SectionRule)


@lru_cache(maxsize=1)
def _default_finder() -> HeadingFinder:
    return HeadingFinder(default_section_rules())


def find_sections(doc: Doc, finder: HeadingFinder) -> list[SectionRow]:
    """The sections of a document, as they are kept on it.

    Arguments:
        doc: The document.
        finder: Finds the headings.
    """
    text = doc.text
    headings = finder.find(text)
    rows: list[SectionRow] = []
    if not headings:
        return rows
    marks = np.array([(h.lead, h.start, h.end, h.body) for h in headings], dtype=np.int64)
    tokens = first_tokens(token_starts(doc), marks).tolist()
    ends = [row[0] for row in tokens[1:]] + [len(doc)]
    parent = loinc = ""
    for heading, (_, start, end, body), stop in zip(headings, tokens, ends, strict=True):
        rule = heading.rule
        inside = rule is not None and rule.subsection
        begins = rule is not None and (rule.name == _BEGINS_EXAM or _is_body_part(text, heading))
        if begins and parent in BEFORE_EXAM:
            parent, loinc = "physical_exam", ""
        code = rule.loinc if rule is not None else ""
        if inside and parent != "physical_exam":
            code = loinc  # The codes of organ systems are those of the examination.
        rows.append((rule.name if rule else "", code, parent if inside else "", start, end, min(body, stop), stop))
        goes_on = rule is not None and rule.name in _BY_SYSTEM.get(parent, ())
        if not inside and not goes_on:
            parent, loinc = (rule.name, rule.loinc) if rule is not None else ("", "")
    return rows


def _is_body_part(text: str, heading: Heading) -> bool:
    """Whether a heading is the name of a body part, as examined."""
    return text[heading.start : heading.end].lower() in _BODY_PARTS


def section_rows(doc: Doc) -> Sequence[SectionRow]:
    """The sections as they are kept on a document; none where the component has not run."""
    rows: Sequence[SectionRow] = doc.user_data.get(_KEY, ())
    return rows


def get_sections(doc: Doc) -> list[Section]:
    """The sections of a document in order; the text before the first heading is in none."""
    return [_section(doc, row) for row in section_rows(doc)]


def sections_of(doc: Doc, tokens: Sequence[int]) -> list[SectionRow | None]:
    """The sections that some tokens lie in, as they are kept on the document; None before the first heading.

    Where ``medlink_sections`` has not run, they are found by the rules that medlink brings.
    """
    rows: Sequence[SectionRow] | None = doc.user_data.get(_KEY)
    if rows is None:
        rows = find_sections(doc, _default_finder())
    return _at(rows, tokens)


def get_section(span: Span) -> Section | None:
    """The section that a span starts in, or None before the first heading."""
    row = _at(section_rows(span.doc), [span.start])[0]
    return _section(span.doc, row) if row is not None else None


def _at(rows: Sequence[SectionRow], tokens: Sequence[int]) -> list[SectionRow | None]:
    starts = [row[3] for row in rows]
    places = (bisect_right(starts, token) - 1 for token in tokens)
    return [rows[place] if place >= 0 else None for place in places]


def _section(doc: Doc, row: SectionRow) -> Section:
    name, loinc, parent, start, end, body, stop = row
    return Section(name, loinc, parent, doc[start:end], doc[body:stop])


if not Doc.has_extension("sections"):
    Doc.set_extension("sections", getter=get_sections)
if not Span.has_extension("section"):
    Span.set_extension("section", getter=get_section)
