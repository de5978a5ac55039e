"""Annotated documents as JSON Lines, a document a line, with offsets into its text."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from spacy.tokens import Doc

from medlink.recognition.mentions import mentions_of


def doc_to_record(doc: Doc, doc_id: str) -> dict[str, Any]:
    """A document as a record.

    Arguments:
        doc: The annotated document.
        doc_id: Its identifier.

    Returns:
        ``id``, ``text`` and ``mentions``; each mention with ``start``, ``end``, ``text``, ``label``,
        whether it is an ``entity`` (one of ``doc.ents``) or lies across one, and its ``concepts``.
    """
    entities = {(entity.start_char, entity.end_char, entity.label_) for entity in doc.ents}
    spans = {(s.start_char, s.end_char, s.label_): s for s in mentions_of(doc)}
    text = doc.text  # put together anew at each access
    return {
        "id": doc_id,
        "text": text,
        "mentions": [
            {
                "start": start,
                "end": end,
                "text": text[start:end],
                "label": label,
                "entity": (start, end, label) in entities,
                "concepts": [
                    {k: v for k, v in asdict(candidate).items() if k != "nil"} for candidate in span._.concepts
                ],
            }
            for (start, end, label), span in sorted(spans.items(), key=lambda item: item[0])
        ],
    }


def doc_to_line(doc: Doc, doc_id: str) -> str:
    """A document as a line of JSON, with its newline."""
    return json.dumps(doc_to_record(doc, doc_id), ensure_ascii=False) + "\n"
