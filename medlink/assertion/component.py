"""``medlink_assertion``: what a note says of each mention."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from medlink.assertion.context import AFFIRMS, ContextMatcher, Decision
from medlink.assertion.rules import ContextRule, default_context_rules
from medlink.assertion.values import DEFAULTS, DIMENSIONS, Assertion, Trigger
from medlink.document.carrying import RuleCarrier
from medlink.document.headings import LEAD
from medlink.document.lead_ins import lead_ins
from medlink.document.sections import section_rows, sections_of
from medlink.extensions import span_key
from medlink.recognition.mentions import mentions_by_sentence
from medlink.types import LABELS

_KEY = "medlink.assertion"
# Dimension, value, rule, and the first character of the words that triggered it and the one after the last.
_Row = tuple[str, str, str, int, int]
_NO_SECTION = ("", "", "", 0, 0, 0)
# What may stand between the words that decide in a lead-in and its colon: "if | you have any of these:", but not "if |
# stable:", which is whole.
_OPEN = re.compile(
    r"\W*(?:(?:an?|the|this|these|those|you|your|he|she|it|they|his|her|their|patient|pt|child|baby|have|has|had|having|"
    r"get|gets|develop|develops|notice|notices|experience|experiences|feel|feels|see|sees|are|is|was|were|there|occurs?|"
    r"happens?|appears?|any|all|one|or|more|of|for|with|following|symptoms?|signs?|problems?|conditions?)\b\W*)*"
    r"(?:\bof\s[\w\s]{1,40})?\W*",
    re.IGNORECASE,
)
# What begins a sentence that denies, behind one that affirms.
_DASH = re.compile(r"[-–] (?=[^\W\d_])")
_LOOK_BACK = 400  # characters
# Letters of a heading in capitals that may be an abbreviation.
_SHORT = 5


@Language.factory(
    "medlink_assertion", requires=["doc.ents"], assigns=["span._.assertion"], default_config={"rules": None}
)
def make_assertion(nlp: Language, name: str, rules: str | None) -> "MedlinkAssertion":
    """Make the component."""
    return MedlinkAssertion(name, rules=rules)


class MedlinkAssertion(RuleCarrier[ContextRule]):
    """Tells of each mention whether it is present, absent or possible, when, and of whom.

    Sets ``span._.assertion`` of all mentions in ``doc.ents`` and ``doc.spans["medlink"]``, whichever component
    found them. Uses the sections of ``medlink_sections`` and the sentences of the document where there are any,
    and finds them for itself where there are none.

    Arguments:
        name: Name in the pipeline.
        rules: A file with further rules, JSON Lines of :class:`~medlink.assertion.rules.ContextRule`; one that
            bears the name of a rule that medlink brings replaces it.
    """

    rule_kind = ContextRule

    def __init__(self, name: str = "medlink_assertion", *, rules: str | Path | None = None) -> None:
        super().__init__(name, default_context_rules(), rules)

    def _changed(self) -> None:
        self._matcher: ContextMatcher | None = None

    @property
    def matcher(self) -> ContextMatcher:
        """The rules at work: tens of thousands of triggers, put together as they are met."""
        if self._matcher is None:
            self._matcher = ContextMatcher(self.rules)
        return self._matcher

    def __call__(self, doc: Doc) -> Doc:
        """Decide for the mentions of a document."""
        text = doc.text
        groups = list(mentions_by_sentence(doc, text))
        if not groups:
            return doc
        data: dict[Any, Any] = doc.user_data
        matcher = self.matcher
        sections = iter(sections_of(doc, [span.start for _, _, group in groups for span in group]))
        leads = _lead_ins(doc, text, groups)
        for begin, end, group in groups:
            rows_of = _decide(matcher, text, (begin, end), group, leads.get(begin))
            for span, rows in zip(group, rows_of, strict=True):
                section = next(sections)
                name, _, parent, title, title_end, body = section[:6] if section is not None else _NO_SECTION
                if (
                    title_end
                    and body <= span.start
                    and doc[body].idx < begin
                    and _is_run_in(doc[title:title_end], text)
                ):
                    name = parent = ""
                decided = {dimension: value for dimension, value, *_ in rows}
                for dimension, rule in matcher.defaults(
                    span.text, _label(span), name, parent, decided.values()
                ).items():
                    if dimension not in decided:
                        words = doc[title:title_end] if rule.sections else span
                        value = getattr(rule, dimension)
                        rows.append((dimension, value, rule.name, words.start_char, words.end_char))
                data[span_key(_KEY, span)] = sorted(rows, key=lambda row: DIMENSIONS.index(row[0]))
        return doc


def get_assertion(span: Span) -> Assertion:
    """What the note says of a mention; the defaults where the component has not run."""
    data: dict[Any, Any] = span.doc.user_data
    rows = data.get(span_key(_KEY, span), ())
    triggers = []
    values: dict[str, Any] = {}
    for dimension, value, rule, start, end in rows:
        values[dimension] = value
        if value not in DEFAULTS:
            words = span.doc.char_span(start, end, alignment_mode="expand")
            assert words is not None  # expanding to whole tokens always succeeds inside the text
            triggers.append(Trigger(dimension, value, rule, words))
    return Assertion(**values, triggers=tuple(triggers))


def _decide(
    matcher: ContextMatcher,
    text: str,
    sentence: tuple[int, int],
    mentions: Sequence[Span],
    lead: tuple[int, int] | None,
) -> list[list[_Row]]:
    """What a sentence says of each mention in it, and what the lead-in of its list says where it says nothing."""
    begin, end = sentence[0], max(sentence[1], *(span.end_char for span in mentions))

    def decide(before: str, start: int) -> list[dict[str, Decision]]:
        shift = len(before) - start
        local = [(span.start_char + shift, span.end_char + shift, _label(span)) for span in mentions]
        return matcher.decide(before + text[start:end], local)

    denied = _DASH.match(text, begin)
    before, start = ("no ", denied.end()) if denied and _affirmed_before(text, begin) else ("", begin)
    decided = decide(before, start)
    rows_of = [[_row(dimension, one, start - len(before)) for dimension, one in of.items()] for of in decided]
    if lead is not None:
        before = text[slice(*lead)] + " "
        bullet = LEAD.match(text, begin)
        start = min(bullet.end() if bullet is not None else begin, mentions[0].start_char)
        for rows, own, of_lead in zip(rows_of, decided, decide(before, start), strict=True):
            rows += [
                _row(dimension, one, lead[0])
                for dimension, one in of_lead.items()
                if dimension not in own and one.end <= len(before) and _OPEN.fullmatch(before, one.end)
            ]
    return rows_of


def _affirmed_before(text: str, begin: int) -> bool:
    """Whether a sentence follows another on its line that affirms things with a plus sign: "+ cough. - fever, rash"."""
    before = text[max(0, begin - _LOOK_BACK) : begin].rpartition("\n")[2]
    return AFFIRMS.search(before) is not None


def _row(dimension: str, decision: Decision, begin: int) -> _Row:
    return dimension, decision.value, decision.rule.name, begin + decision.start, begin + decision.end


def _lead_ins(doc: Doc, text: str, groups: Sequence[tuple[int, int, Sequence[Span]]]) -> dict[int, tuple[int, int]]:
    """By the first character of a sentence that begins an item of a list, from where to where its lead-in speaks of it.

    That is from its last mention on, if words follow there: of "for gout she takes:" the items are no gout. Headings
    of known sections say by other rules what holds in them.
    """
    leads = lead_ins(text)
    if not leads:
        return leads
    headings = {_line_of(text, doc[title].idx) for name, _, _, title, *_ in section_rows(doc) if name}
    ends = sorted(span.end_char for _, _, group in groups for span in group)
    result = {}
    for begin, _, _ in groups:
        line = _line_of(text, begin)
        if line in leads and LEAD.fullmatch(text, line, begin) and _line_of(text, leads[line][0]) not in headings:
            first, last = leads[line]
            mention = ends[bisect_right(ends, last) - 1]
            result[begin] = (mention if first < mention and text[mention:last].strip(" :") else first, last)
    return result


def _line_of(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _is_run_in(title: Span, text: str) -> bool:
    """Whether a heading stands in running text: "FHx: mother breast ca. Options discussed." tells of one sentence only.

    Words in capitals are a heading wherever they stand.
    """
    before = text[_line_of(text, title.start_char) : title.start_char]
    return not LEAD.fullmatch(before) and not (title.text.isupper() and len(title.text) > _SHORT)


def _label(span: Span) -> str:
    """Label of a mention; those of other finders ("PROBLEM", "DISEASE", …) count as conditions."""
    return span.label_ if span.label_ in LABELS else "CONDITION"


if not Span.has_extension("assertion"):
    Span.set_extension("assertion", getter=get_assertion)
