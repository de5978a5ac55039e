"""Annotated documents as JSON Lines, a document a line, with offsets into its text."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from spacy.tokens import Doc

from medlink.assertion.component import get_assertion
from medlink.assertion.values import Assertion
from medlink.attributes.component import get_attributes
from medlink.document.abbreviations import abbreviation_uses
from medlink.document.sections import get_sections, sections_of
from medlink.recognition.mentions import mentions_of


def doc_to_record(doc: Doc, doc_id: str) -> dict[str, Any]:
    """A document as a record.

    Arguments:
        doc: The annotated document.
        doc_id: Its identifier.

    Returns:
        ``id``, ``text``, ``sections``, ``abbreviations`` and ``mentions``; each mention with ``start``, ``end``,
        ``text``, ``label``, whether it is an ``entity`` (one of ``doc.ents``) or lies across one, the name of its
        ``section``, its ``assertion`` with the triggers, its ``attributes`` and its ``concepts``.
    """
    entities = {(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents}
    ordered = sorted(((s.start_char, s.end_char, s.label_), s) for s in mentions_of(doc))
    text = doc.text  # put together anew at each access
    return {
        "id": doc_id,
        "text": text,
        "sections": [
            {
                "name": one.name,
                "loinc": one.loinc,
                "parent": one.parent,
                "title": one.title.text,
                "start": one.title.start_char,
                "body": one.body.start_char,
                "end": one.body.end_char,
            }
            for one in get_sections(doc)
        ],
        "abbreviations": [
            {
                "start": use.start,
                "end": use.end,
                "text": text[use.start : use.end],
                "long": use.long,
                "source": use.source,
            }
            for use in abbreviation_uses(doc)
        ],
        "mentions": [
            {
                "start": start,
                "end": end,
                "text": text[start:end],
                "label": label,
                "entity": (start, end, label) in entities,
                "section": section[0] if section is not None else "",
                "assertion": _assertion(get_assertion(span)),
                "attributes": asdict(attributes) if (attributes := get_attributes(span)) is not None else None,
                "concepts": [
                    {k: v for k, v in asdict(candidate).items() if k != "nil"} for candidate in span._.concepts
                ],
            }
            for ((start, end, label), span), section in zip(
                ordered, sections_of(doc, [span.start for _, span in ordered]), strict=True
            )
        ],
    }


def _assertion(assertion: Assertion) -> dict[str, Any]:
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


def doc_to_line(doc: Doc, doc_id: str) -> str:
    """A document as a line of JSON, with its newline."""
    return json.dumps(doc_to_record(doc, doc_id), ensure_ascii=False) + "\n"
