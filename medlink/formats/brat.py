"""BRAT standoff: a text file, and beside it an ``.ann`` file with a line for each annotation.

Source: https://brat.nlplab.org/standoff.html. Mentions are ``T`` lines, their assertion ``A`` lines where it is not
the default, their concepts ``N`` lines (``Reference T1 icd10cm:I21.9``), and what these cannot hold is JSON in a note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from medlink.assertion.values import DEFAULTS, DIMENSIONS
from medlink.errors import MedlinkError
from medlink.formats.records import ConceptRecord, DocumentRecord, MentionRecord, new_concept, new_document, new_mention

_LINE_BREAK = re.compile(r"[\r\n]+")
_OFFSETS = re.compile(r"\d+ \d+(?:;\d+ \d+)*")
_MENTION_NOTE = ("entity", "section", "finders", "attributes")
_CONCEPT_NOTE = ("alias", "score", "stage", "via", "query", "stages")


def write_brat(record: DocumentRecord) -> str:
    """The content of the ``.ann`` file of a document; its text file is the text as it is."""
    lines: list[str] = []
    notes: list[str] = []
    references = attributes = 0
    for number, mention in enumerate(record["mentions"], start=1):
        offsets = ";".join(f"{start} {end}" for start, end in _fragments(record["text"], mention))
        words = _LINE_BREAK.sub(" ", mention["text"])
        lines.append(f"T{number}\t{mention['label']} {offsets}\t{words}")
        for dimension, default in zip(DIMENSIONS, DEFAULTS, strict=True):
            value = cast(dict[str, Any], mention["assertion"])[dimension]
            if value != default:
                attributes += 1
                lines.append(f"A{attributes}\t{dimension.capitalize()} T{number} {value}")
        for concept in mention["concepts"]:
            references += 1
            reference = f"{concept['terminology']}:{concept['concept_id']}"
            lines.append(f"N{references}\tReference T{number} {reference}\t{concept['name']}")
            notes.append(_note(f"N{references}", {name: cast(dict[str, Any], concept)[name] for name in _CONCEPT_NOTE}))
        rest = {name: cast(dict[str, Any], mention)[name] for name in _MENTION_NOTE}
        notes.append(_note(f"T{number}", rest | {"triggers": mention["assertion"]["triggers"]}))
    lines += [f"#{number}\t{note}" for number, note in enumerate(notes, start=1)]
    return "".join(line + "\n" for line in lines)


def _note(of: str, values: dict[str, Any]) -> str:
    return f"medlink {of}\t{json.dumps(values, ensure_ascii=False)}"


def _fragments(text: str, mention: MentionRecord) -> Iterator[tuple[int, int]]:
    """The parts of a mention between line breaks, over which a span of BRAT cannot reach."""
    start = mention["start"]
    for gap in _LINE_BREAK.finditer(text, start, mention["end"]):
        if gap.start() > start:
            yield start, gap.start()
        start = gap.end()
    if start < mention["end"]:
        yield start, mention["end"]


def read_brat(doc_id: str, text: str, annotations: str) -> DocumentRecord:
    """Read a document.

    A mention in several parts is read as one span, from the first to the last. Relations, events and annotations of
    other kinds are passed over.

    Arguments:
        doc_id: Identifier of the document.
        text: Content of the text file.
        annotations: Content of the ``.ann`` file.

    Raises:
        MedlinkError: A line is broken, or a mention does not match the text at its offsets.
    """
    record = new_document(doc_id, text)
    mentions: dict[str, MentionRecord] = {}
    concepts: dict[str, ConceptRecord] = {}
    # Line breaks of BRAT alone: a mention may hold other characters that Python takes for them.
    for number, line in enumerate(annotations.split("\n"), start=1):
        line = line.removesuffix("\r")
        fields = line.split("\t", 2)
        try:
            if line.startswith("T"):
                mentions[fields[0]] = _mention(text, fields)
            elif line.startswith(("A", "M")):
                kind, of, *value = fields[1].split(" ")
                if kind.lower() in DIMENSIONS and of in mentions:
                    cast(dict[str, Any], mentions[of]["assertion"])[kind.lower()] = value[0]
            elif line.startswith("N"):
                _, of, reference = fields[1].split(" ", 2)
                terminology, _, concept_id = reference.partition(":")
                concepts[fields[0]] = new_concept(terminology, concept_id, fields[2] if len(fields) > 2 else "")
                mentions[of]["concepts"].append(concepts[fields[0]])
            elif line.startswith("#") and fields[1].startswith("medlink "):
                of = fields[1].removeprefix("medlink ")
                _read_note(json.loads(fields[2]), mentions.get(of), concepts.get(of))
        except (IndexError, KeyError, ValueError) as error:
            raise MedlinkError(f"{doc_id}: line {number} of the .ann file is broken ({error}): {line[:60]!r}") from None
    record["mentions"] = list(mentions.values())
    return record


def _mention(text: str, fields: list[str]) -> MentionRecord:
    label, _, offsets = fields[1].partition(" ")
    if not _OFFSETS.fullmatch(offsets):
        raise ValueError("expected 'T1<tab>Label start end<tab>text'")
    parts = [tuple(map(int, part.split(" "))) for part in offsets.split(";")]
    there = " ".join(text[start:end] for start, end in parts)
    if there.split() != fields[2].split():
        raise ValueError(f"the text there is {there!r}, not {fields[2]!r}")
    return new_mention(text, parts[0][0], parts[-1][1], label)


def _read_note(values: dict[str, Any], mention: MentionRecord | None, concept: ConceptRecord | None) -> None:
    if concept is not None:
        cast(dict[str, Any], concept).update(values)
    if mention is not None:
        mention["assertion"]["triggers"] = values.pop("triggers", [])
        cast(dict[str, Any], mention).update(values)
