"""Annotated documents as JSON Lines: a document a line, with everything that is known of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord, new_document, new_mention


def write_line(record: DocumentRecord) -> str:
    """A document as a line of JSON, with its newline."""
    return json.dumps(record, ensure_ascii=False) + "\n"


def read_lines(lines: Iterable[str], source: str) -> Iterator[DocumentRecord]:
    """Read documents; empty lines are passed over.

    Arguments:
        lines: The lines.
        source: Where they come from, for errors.

    Raises:
        MedlinkError: A line is not a document, or a mention does not match the text at its offsets.
    """
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _document(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise MedlinkError(
                    f"{source}:{number}: not a document ({error}); expected an object with 'id' and 'text', as "
                    "'medlink annotate --format jsonl' writes it"
                ) from None


def _document(values: dict[str, Any]) -> DocumentRecord:
    record = new_document(str(values["id"]), values["text"], date=values.get("date", ""))
    record["metadata"] = values.get("metadata", {})
    record["sections"] = values.get("sections", [])
    record["abbreviations"] = values.get("abbreviations", [])
    for one in values.get("mentions", []):
        mention = new_mention(record["text"], one["start"], one["end"], one["label"])
        if one.get("text", mention["text"]) != mention["text"]:
            raise ValueError(f"the text at {one['start']}-{one['end']} is {mention['text']!r}, not {one['text']!r}")
        mention.update(one)
        record["mentions"].append(mention)
    return record
