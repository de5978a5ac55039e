"""JSON Lines: a concept a line, the simplest source of a terminology.

``{"id": "D003924", "name": "Diabetes Mellitus, Type 2", "synonyms": ["NIDDM"], "types": ["T047"],
"parents": ["D003920"], "definition": "…", "xrefs": ["UMLS:C0011860"]}``; only ``id`` and ``name`` are required.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib.resources import files as package_files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medlink.errors import MedlinkError
from medlink.formats.text import read_text
from medlink.terminology.readers import Source
from medlink.types import Alias, Concept


class Record(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    synonyms: list[str] = []
    types: list[str] = []
    parents: list[str] = []
    definition: str = ""
    xrefs: list[str] = []
    alternate_ids: list[str] = []
    properties: dict[str, object] = {}


def read_jsonl(files: Sequence[Path]) -> Source:
    """Read concepts from JSON Lines.

    Arguments:
        files: The files, one or more.

    Raises:
        MedlinkError: There is no file, or a line is not such a record.
    """
    if not files:
        raise MedlinkError("format jsonl needs a source: name one or more .jsonl files")
    return Source(_read(files), "", tuple(map(Path, files)))


def _read(files: Sequence[Path]) -> Iterator[Concept]:
    for path in files:
        for number, line in enumerate(read_text(path).split("\n"), start=1):
            if line.strip():
                try:
                    record = Record.model_validate_json(line)
                except ValidationError as error:
                    first = error.errors()[0]
                    where = ".".join(map(str, first["loc"]))
                    raise MedlinkError(f"{path}:{number}: {where + ': ' if where else ''}{first['msg']}") from None
                yield Concept(
                    concept_id=record.id,
                    name=record.name,
                    aliases=tuple(Alias(text, "exact") for text in record.synonyms),
                    types=tuple(record.types),
                    parents=tuple(record.parents),
                    definition=record.definition,
                    xrefs=tuple(record.xrefs),
                    alternate_ids=tuple(record.alternate_ids),
                    properties=record.properties,
                )


def read_synonyms(terminology: str) -> dict[str, list[str]]:
    """Clinicians' names that medlink adds to a terminology, by concept id, from ``data/synonyms-NAME.jsonl``."""
    text = package_files("medlink.terminology").joinpath(f"data/synonyms-{terminology}.jsonl").read_text("utf-8")
    records = map(json.loads, text.splitlines())
    return {record["id"]: record["synonyms"] for record in records}
