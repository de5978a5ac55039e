"""The concepts of a document as rows, a row for each different mention and assertion, as tables show them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spacy.tokens import Doc

from medlink.assertion.component import get_assertion
from medlink.attributes.component import get_attributes
from medlink.formats.summary import assertion_words, attribute_words
from medlink.types import Candidate


@dataclass(frozen=True, slots=True)
class Row:
    """A mention of a document, counted however often it occurs with the same assertion.

    Arguments:
        text: The mention, its white space folded, as it first occurs.
        label: Its label.
        count: How often it occurs, in any case.
        assertion: What is said of it where it is not simply present, current and the patient's, else "".
        attributes: Its attributes in a few words, those of its first occurrence.
        kb_id: Best concept of the linker's first terminology; "" where none fits.
        best: By terminology, the best candidate.
    """

    text: str
    label: str
    count: int
    assertion: str
    attributes: str
    kb_id: str
    best: dict[str, Candidate]


def rows_of(doc: Doc) -> list[Row]:
    """The entities of a document as rows, in order of their first occurrence."""
    rows: dict[tuple[str, str, str], Row] = {}
    for entity in doc.ents:
        text = " ".join(entity.text.split())
        assertion = assertion_words(get_assertion(entity))
        key = (text.casefold(), entity.label_, assertion)
        known = rows.get(key)
        if known is not None:
            rows[key] = replace(known, count=known.count + 1)
            continue
        best: dict[str, Candidate] = {}
        for candidate in entity._.concepts:
            best.setdefault(candidate.terminology, candidate)
        attributes = attribute_words(get_attributes(entity))
        rows[key] = Row(text, entity.label_, 1, assertion, attributes, entity.kb_id_, best)
    return list(rows.values())


def terminologies_of(rows: list[Row]) -> list[str]:
    """The terminologies that any row has a concept of, the one that ``kb_id_`` comes from first."""
    names = {name for row in rows for name in row.best}
    first = {name for row in rows for name, best in row.best.items() if best.concept_id == row.kb_id}
    return sorted(names, key=lambda name: (name not in first, name))
