"""OMOP common data model 5.4: notes from the table NOTE, mentions into NOTE_NLP.

Source: https://ohdsi.github.io/CommonDataModel/cdm54.html. ``note_nlp_concept_id`` is 0, since medlink brings no OMOP
vocabulary: the code of the best concept stands in ``term_modifiers`` (``concept=icd10cm:I21.9``), beside what is said
of the mention, from which a source-to-concept map leads on. ``;`` and ``%`` in a label, section or code are written as
``%3B`` and ``%25``.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, TextIO
from urllib.parse import unquote

import medlink
from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord, MentionRecord, assertion_of, new_concept, new_mention
from medlink.terminology.words import hash64

#: Columns of NOTE_NLP.
COLUMNS = (
    "note_nlp_id",
    "note_id",
    "section_concept_id",
    "snippet",
    "offset",
    "lexical_variant",
    "note_nlp_concept_id",
    "note_nlp_source_concept_id",
    "nlp_system",
    "nlp_date",
    "nlp_datetime",
    "term_exists",
    "term_temporal",
    "term_modifiers",
)
_SNIPPET, _LONGEST = 100, 250
_TEMPORALITY = {"Past": "historical", "Present": "current", "Future": "hypothetical"}


def note_nlp_rows(record: DocumentRecord, *, date: str) -> Iterator[dict[str, Any]]:
    """The rows of NOTE_NLP of a document.

    Arguments:
        record: The document; its id is the ``note_id``.
        date: Date of the run in ISO 8601.
    """
    text = record["text"]
    for mention in record["mentions"]:
        start, end = mention["start"], mention["end"]
        assertion = assertion_of(mention)
        modifiers = f"{assertion.term_modifiers};label={_escape(mention['label'])}"
        if mention["section"]:
            modifiers += f";section={_escape(mention['section'])}"
        if mention["concepts"]:
            best = mention["concepts"][0]
            modifiers += f";concept={_escape(best['terminology'])}:{_escape(best['concept_id'])}"
        key = "\t".join((record["id"], str(start), str(end), mention["label"]))
        yield {
            "note_nlp_id": hash64(key) >> 1,  # the same in every run; a signed 64-bit integer
            "note_id": record["id"],
            "section_concept_id": 0,
            "snippet": text[max(0, start - _SNIPPET) : end + _SNIPPET][:_LONGEST],
            "offset": start,
            "lexical_variant": mention["text"][:_LONGEST],
            "note_nlp_concept_id": 0,
            "note_nlp_source_concept_id": 0,
            "nlp_system": f"medlink {medlink.__version__}",
            "nlp_date": date,
            "nlp_datetime": f"{date} 00:00:00",
            "term_exists": assertion.term_exists,
            "term_temporal": assertion.term_temporal,
            "term_modifiers": modifiers,
        }


def read_note_nlp(file: TextIO, texts: Mapping[str, str], source: str) -> dict[str, list[MentionRecord]]:
    """Read the mentions in a NOTE_NLP table.

    Arguments:
        file: The table as CSV.
        texts: The text of each note by its id.
        source: Where it comes from, for errors.

    Returns:
        For each note its mentions.

    Raises:
        MedlinkError: A row is broken, or does not match the text of its note.
    """
    mentions: dict[str, list[MentionRecord]] = defaultdict(list)
    for number, row in enumerate(csv.DictReader(file), start=2):
        try:
            text, start, words = texts[row["note_id"]], int(row["offset"]), row["lexical_variant"]
            if text[start : start + len(words)] != words:
                raise ValueError(f"the text at {start} is {text[start : start + len(words)]!r}, not {words!r}")
            parts = [part.split("=", 1) for part in row["term_modifiers"].split(";") if "=" in part]
            told = {name: unquote(value) for name, value in parts}
        except (KeyError, ValueError) as error:
            raise MedlinkError(f"{source}:{number}: not a row of NOTE_NLP for these notes ({error})") from None
        mention = new_mention(text, start, start + len(words), told.get("label", ""))
        mention["section"] = told.get("section", "")
        status = "absent" if told.get("negation") == "true" else "possible"
        status = "present" if status == "possible" and told.get("certainty", "high") == "high" else status
        mention["assertion"]["status"] = status
        mention["assertion"]["temporality"] = _TEMPORALITY.get(row["term_temporal"], "current")
        mention["assertion"]["experiencer"] = told.get("subject", "patient")
        if "concept" in told:
            terminology, _, concept_id = told["concept"].partition(":")
            mention["concepts"].append(new_concept(terminology, concept_id))
        mentions[row["note_id"]].append(mention)
    return dict(mentions)


def _escape(value: str) -> str:
    """A value of ``term_modifiers`` without the character that parts them."""
    return value.replace("%", "%25").replace(";", "%3B")
