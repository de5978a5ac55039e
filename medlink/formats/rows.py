"""The concepts of a document as rows, a row for each different mention, as tables show them."""

from __future__ import annotations

from dataclasses import dataclass

from spacy.tokens import Doc

from medlink.types import Candidate


@dataclass(frozen=True, slots=True)
class Row:
    """A mention of a document, counted however often it occurs.

    Arguments:
        text: The mention, its white space folded, as it first occurs.
        label: Its label.
        count: How often it occurs, in any case.
        kb_id: Best concept of the linker's first terminology; "" where none fits.
        best: By terminology, the best candidate.
    """

    text: str
    label: str
    count: int
    kb_id: str
    best: dict[str, Candidate]


def rows_of(doc: Doc) -> list[Row]:
    """The entities of a document as rows, in order of their first occurrence."""
    rows: dict[tuple[str, str], Row] = {}
    for entity in doc.ents:
        text = " ".join(entity.text.split())
        key = (text.casefold(), entity.label_)
        known = rows.get(key)
        if known is not None:
            rows[key] = Row(known.text, known.label, known.count + 1, known.kb_id, known.best)
            continue
        best: dict[str, Candidate] = {}
        for candidate in entity._.concepts:
            best.setdefault(candidate.terminology, candidate)
        rows[key] = Row(text, entity.label_, 1, entity.kb_id_, best)
    return list(rows.values())


def terminologies_of(rows: list[Row]) -> list[str]:
    """The terminologies that any row has a concept of, the one that ``kb_id_`` comes from first."""
    names = {name for row in rows for name in row.best}
    first = {name for row in rows for name, best in row.best.items() if best.concept_id == row.kb_id}
    return sorted(names, key=lambda name: (name not in first, name))
