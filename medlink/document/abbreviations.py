"""``medlink_abbreviations``: the abbreviations of a note and what they stand for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span

from medlink.document.carrying import RuleCarrier
from medlink.document.sections import get_sections
from medlink.document.senses import AbbreviationFinder, AbbreviationRule, AbbreviationUse, default_abbreviations

_KEY = "medlink.abbreviations"


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """An abbreviation in a document.

    Arguments:
        span: Where it stands.
        long: What it stands for; "" where the context does not tell.
        label: Label of a mention of it, or "".
        source: ``"document"`` where the document defines it, ``"rules"`` where it does not.
        probability: Share of the evidence that speaks for the sense, 0 to 1.
        alternatives: All senses, the likeliest first.
    """

    span: Span
    long: str
    label: str
    source: str
    probability: float
    alternatives: tuple[str, ...]


@Language.factory("medlink_abbreviations", assigns=["doc._.abbreviations"], default_config={"rules": None})
def make_abbreviations(nlp: Language, name: str, rules: str | None) -> "MedlinkAbbreviations":
    """Make the component."""
    return MedlinkAbbreviations(name, rules=rules)


class MedlinkAbbreviations(RuleCarrier[AbbreviationRule]):
    """Finds abbreviations and sets ``doc._.abbreviations``; the linker links mentions by their long forms.

    Definitions in the document win over the rules. An abbreviation with several senses gets the one that the
    words around it, the section and the rest of the document speak for, or none.

    Arguments:
        name: Name in the pipeline.
        rules: A file with further abbreviations, JSON Lines of
            :class:`~medlink.document.senses.AbbreviationRule`; they win over those that medlink brings.
    """

    rule_kind = AbbreviationRule

    def __init__(self, name: str = "medlink_abbreviations", *, rules: str | Path | None = None) -> None:
        super().__init__(name, default_abbreviations().rules, rules)

    def _changed(self) -> None:
        self.finder = AbbreviationFinder(self.rules)

    def __call__(self, doc: Doc) -> Doc:
        """Find the abbreviations of a document."""
        sections = get_sections(doc)
        headings = {(one.title.start_char, one.title.end_char) for one in sections}
        begins = [(one.title.start_char, one.parent or one.name) for one in sections]
        uses = self.finder.find(doc.text, begins)
        # "PE:" above an examination is a heading and stands for no embolism.
        doc.user_data[_KEY] = [
            (u.start, u.end, u.long, u.label, u.source, u.probability, u.alternatives)
            for u in uses
            if (u.start, u.end) not in headings
        ]
        return doc


def abbreviation_uses(doc: Doc) -> list[AbbreviationUse]:
    """The abbreviations of a document by characters; none where the component has not run."""
    rows: Any = doc.user_data.get(_KEY, ())
    return [AbbreviationUse(*row) for row in rows]


def get_abbreviations(doc: Doc) -> list[Abbreviation]:
    """The abbreviations of a document in order; those that are not whole tokens take in the rest of these."""
    found = []
    for use in abbreviation_uses(doc):
        span = doc.char_span(use.start, use.end, alignment_mode="expand")
        assert span is not None  # expanding to whole tokens always succeeds inside the text
        found.append(Abbreviation(span, use.long, use.label, use.source, use.probability, use.alternatives))
    return found


if not Doc.has_extension("abbreviations"):
    Doc.set_extension("abbreviations", getter=get_abbreviations)
