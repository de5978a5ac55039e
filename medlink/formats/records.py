"""Annotated documents as plain records: what every format is written from, and read into.

A record is the line of the JSON Lines format: dictionaries, lists, strings and numbers. What a format cannot hold is at
its default in what is read from it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from spacy.tokens import Doc
from typing_extensions import TypedDict

from medlink.assertion.component import get_assertion
from medlink.assertion.values import DEFAULTS, Assertion
from medlink.attributes.component import get_attributes
from medlink.document.abbreviations import abbreviation_uses
from medlink.document.sections import get_sections, sections_of
from medlink.extensions import get_finders
from medlink.recognition.mentions import mentions_of
from medlink.types import Document


class ConceptRecord(TypedDict):
    """A candidate; see :class:`medlink.types.Candidate`."""

    concept_id: str
    terminology: str
    name: str
    alias: str
    score: float
    stage: str
    via: str
    query: str
    stages: dict[str, float]


class TriggerRecord(TypedDict):
    """Words that decided one dimension of an assertion."""

    dimension: str
    value: str
    rule: str
    start: int
    end: int
    text: str


class AssertionRecord(TypedDict):
    """An assertion; see :class:`medlink.assertion.values.Assertion`."""

    status: str
    temporality: str
    experiencer: str
    triggers: list[TriggerRecord]


class MentionRecord(TypedDict):
    """A mention, whether it is one of the entities or lies across one, and the name of its section."""

    start: int
    end: int
    text: str
    label: str
    entity: bool
    section: str
    assertion: AssertionRecord
    finders: dict[str, float]
    attributes: dict[str, Any] | None
    concepts: list[ConceptRecord]


class SectionRecord(TypedDict):
    """A section: its heading begins at ``start``, the text under it is ``body`` to ``end``."""

    name: str
    loinc: str
    parent: str
    title: str
    start: int
    body: int
    end: int


class AbbreviationRecord(TypedDict):
    """An abbreviation and what it stands for."""

    start: int
    end: int
    text: str
    long: str
    source: str


class DocumentRecord(TypedDict):
    """A document.

    ``date`` is the date of the note in ISO 8601, or ""; ``metadata`` what else its source told of it, by name.
    """

    id: str
    text: str
    date: str
    metadata: dict[str, str]
    sections: list[SectionRecord]
    abbreviations: list[AbbreviationRecord]
    mentions: list[MentionRecord]


def new_document(doc_id: str, text: str, *, date: str = "", metadata: dict[str, str] | None = None) -> DocumentRecord:
    """A document without annotations."""
    return {
        "id": doc_id,
        "text": text,
        "date": date,
        "metadata": dict(metadata or {}),
        "sections": [],
        "abbreviations": [],
        "mentions": [],
    }


def new_mention(text: str, start: int, end: int, label: str) -> MentionRecord:
    """A mention of which no more is known.

    Arguments:
        text: The text of the document.
        start: First character of the mention.
        end: The character after its last one.
        label: Its label.
    """
    status, temporality, experiencer = DEFAULTS
    return {
        "start": start,
        "end": end,
        "text": text[start:end],
        "label": label,
        "entity": True,
        "section": "",
        "assertion": {"status": status, "temporality": temporality, "experiencer": experiencer, "triggers": []},
        "finders": {},
        "attributes": None,
        "concepts": [],
    }


def new_concept(terminology: str, concept_id: str, name: str = "", score: float = 1.0) -> ConceptRecord:
    """A concept of which no more is known."""
    return {
        "concept_id": concept_id,
        "terminology": terminology,
        "name": name,
        "alias": "",
        "score": score,
        "stage": "",
        "via": "",
        "query": "",
        "stages": {},
    }


def from_corpus(document: Document) -> DocumentRecord:
    """A document of an annotated corpus as a record; its concept ids are of no terminology that the corpus names."""
    record = new_document(document.doc_id, document.text)
    for one in document.mentions:
        mention = new_mention(document.text, one.start, one.end, one.label)
        mention["concepts"] = [new_concept("", concept_id) for concept_id in one.concept_ids]
        record["mentions"].append(mention)
    return record


def doc_to_record(doc: Doc, doc_id: str, *, date: str = "", metadata: dict[str, str] | None = None) -> DocumentRecord:
    """A document that a pipeline annotated, as a record.

    Arguments:
        doc: The annotated document.
        doc_id: Its identifier.
        date: Date of the note in ISO 8601.
        metadata: What else its source told of it.
    """
    entities = {(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents}
    ordered = sorted(((s.start_char, s.end_char, s.label_), s) for s in mentions_of(doc))
    text = doc.text  # put together anew at each access
    record = new_document(doc_id, text, date=date, metadata=metadata)
    for one in get_sections(doc):
        record["sections"].append(
            {
                "name": one.name,
                "loinc": one.loinc,
                "parent": one.parent,
                "title": one.title.text,
                "start": one.title.start_char,
                "body": one.body.start_char,
                "end": one.body.end_char,
            }
        )
    for use in abbreviation_uses(doc):
        record["abbreviations"].append(
            {
                "start": use.start,
                "end": use.end,
                "text": text[use.start : use.end],
                "long": use.long,
                "source": use.source,
            }
        )
    sections = sections_of(doc, [span.start for _, span in ordered])
    for ((start, end, label), span), section in zip(ordered, sections, strict=True):
        mention = new_mention(text, start, end, label)
        mention["entity"] = (start, end, label) in entities
        mention["section"] = section[0] if section is not None else ""
        mention["finders"] = get_finders(span)
        mention["assertion"] = _assertion(get_assertion(span))
        if (attributes := get_attributes(span)) is not None:
            mention["attributes"] = asdict(attributes)
        for candidate in span._.concepts:
            values = {name: value for name, value in asdict(candidate).items() if name != "nil"}
            mention["concepts"].append(cast(ConceptRecord, values))
        record["mentions"].append(mention)
    return record


def annotated(note: DocumentRecord, doc: Doc) -> DocumentRecord:
    """A note with what a pipeline found in it."""
    return doc_to_record(doc, note["id"], date=note["date"], metadata=note["metadata"])


def assertion_of(mention: MentionRecord) -> Assertion:
    """The assertion of a mention, without its triggers."""
    said = mention["assertion"]
    return Assertion(said["status"], said["temporality"], said["experiencer"])  # type: ignore[arg-type]


def _assertion(assertion: Assertion) -> AssertionRecord:
    return {
        "status": assertion.status,
        "temporality": assertion.temporality,
        "experiencer": assertion.experiencer,
        "triggers": [
            {
                "dimension": trigger.dimension,
                "value": trigger.value,
                "rule": trigger.rule,
                "start": trigger.span.start_char,
                "end": trigger.span.end_char,
                "text": trigger.span.text,
            }
            for trigger in assertion.triggers
        ],
    }
