"""BioC, as XML or JSON, by the package ``bioc``.

Source: Comeau et al. 2013, https://bioc.sourceforge.net. Sections are passages; what is known of a mention stands in
the infons of its annotation: ``type``, ``identifier`` (its best concept), and the rest under the names of the record,
as JSON where it is no text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, cast

import bioc
from bioc import biocjson, biocxml

from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord, MentionRecord, new_concept, new_document, new_mention
from medlink.formats.text import xml_text

_EMPTY: dict[str, Any] = dict.fromkeys(("source", "date", "key", "id", "text"), "")
_EMPTY |= {"infons": {}, **{name: [] for name in ("sentences", "annotations", "relations", "locations")}}
_IN_MENTION = ("entity", "section", "finders", "assertion", "attributes", "concepts")


def write_bioc(records: Iterable[DocumentRecord], kind: Literal["xml", "json"], *, date: str = "") -> str:
    """Documents as a BioC collection.

    Arguments:
        records: The documents.
        kind: ``"xml"``, in which characters that XML cannot hold become U+FFFD, or ``"json"``.
        date: Date of the collection.
    """
    collection = bioc.BioCCollection()
    collection.source, collection.key, collection.date = "medlink", "medlink", date
    for record in records:
        if kind == "xml":
            record = cast(DocumentRecord, _mapped(record, xml_text))
        collection.add_document(_to_document(record))
    return str((biocxml if kind == "xml" else biocjson).dumps(collection))


def _mapped(value: Any, change: Any) -> Any:
    """A record with all of its texts changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(one, change) for key, one in value.items()}
    return [_mapped(one, change) for one in value] if isinstance(value, list | tuple) else value


def _to_document(record: DocumentRecord) -> Any:
    text = record["text"]
    document = bioc.BioCDocument()
    document.id = record["id"]
    document.infons = {"date": record["date"]} if record["date"] else {}
    for name in ("metadata", "abbreviations", "sections"):
        if record[name]:
            document.infons[name] = json.dumps(record[name], ensure_ascii=False)
    names = {section["start"]: section["name"] for section in reversed(record["sections"])}
    cuts = sorted({0, *names} & set(range(len(text) + 1)))
    passages = []
    for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True):
        passage = bioc.BioCPassage()
        passage.offset, passage.text = start, text[start:end]
        passage.infons = {"section": names[start]} if names.get(start) else {}
        passages.append(passage)
        document.add_passage(passage)
    for number, mention in enumerate(record["mentions"], start=1):
        annotation = bioc.BioCAnnotation()
        annotation.id, annotation.text = str(number), mention["text"]
        annotation.infons = _infons(mention)
        annotation.add_location(bioc.BioCLocation(mention["start"], mention["end"] - mention["start"]))
        next(one for one in reversed(passages) if one.offset <= mention["start"]).add_annotation(annotation)
    return document


def _infons(mention: MentionRecord) -> dict[str, str]:
    infons = {"type": mention["label"]}
    if mention["concepts"]:
        best = mention["concepts"][0]
        infons["identifier"] = f"{best['terminology']}:{best['concept_id']}"
    return infons | {name: json.dumps(cast(Any, mention)[name], ensure_ascii=False) for name in _IN_MENTION}


def read_bioc(content: str, kind: Literal["xml", "json"], source: str) -> Iterator[DocumentRecord]:
    """Read the documents of a BioC collection.

    The text is that of the passages, or of their sentences, at their offsets; what no passage covers is a line break
    and blanks, so that offsets hold. An annotation in several parts is read as one span.

    Arguments:
        content: The collection.
        kind: ``"xml"`` or ``"json"``.
        source: Where it comes from, for errors.

    Raises:
        MedlinkError: It is not BioC, or an annotation does not match the text at its offset.
    """
    try:
        collection = biocxml.loads(content) if kind == "xml" else biocjson.loads(content, object_hook=_complete)
    except Exception as error:  # lxml and json each raise their own
        raise MedlinkError(f"{source}: not BioC {kind.upper()} ({error})") from None
    for document in collection.documents:
        try:
            yield _from_document(document)
        except (ValueError, TypeError, KeyError) as error:
            raise MedlinkError(f"{source}: document {document.id} is broken ({error})") from None


def _complete(values: dict[str, Any]) -> dict[str, Any]:
    """A part of BioC JSON with the keys that the package wants and others leave out where they are empty."""
    return _EMPTY | values if values.keys() & {"documents", "passages", "offset", "locations"} else values


def _from_document(document: Any) -> DocumentRecord:
    text = ""
    for passage in document.passages:
        for part in [passage] if passage.text else passage.sentences:
            if part.text and part.offset < len(text):
                raise ValueError(f"the passage at {part.offset} begins within the one before it")
            gap = part.offset - len(text) if part.text else 0
            text += "\n" * (gap > 0) + " " * (gap - 1) + (part.text or "")
    record = new_document(document.id, text, date=document.infons.get("date", ""))
    for name in ("metadata", "abbreviations", "sections"):
        if name in document.infons:
            record[name] = json.loads(document.infons[name])
    found = [
        annotation
        for passage in document.passages
        for part in (passage, *passage.sentences)
        for annotation in part.annotations
    ]
    for annotation in (*document.annotations, *found):
        if annotation.locations:
            record["mentions"].append(_mention(text, annotation))
    record["mentions"].sort(key=lambda mention: (mention["start"], mention["end"]))
    return record


def _mention(text: str, annotation: Any) -> MentionRecord:
    start = min(location.offset for location in annotation.locations)
    end = max(location.end for location in annotation.locations)
    if len(annotation.locations) == 1 and annotation.text and text[start:end] != annotation.text:
        raise ValueError(f"the text at {start}-{end} is {text[start:end]!r}, not {annotation.text!r}")
    infons = annotation.infons
    mention = new_mention(text, start, end, infons.get("type", ""))
    for name in _IN_MENTION:
        if name in infons and "assertion" in infons:
            cast(Any, mention)[name] = json.loads(infons[name])
    identifier = infons.get("identifier", infons.get("Identifier", ""))
    if identifier and "concepts" not in infons:
        terminology, _, concept_id = identifier.rpartition(":")
        mention["concepts"] = [new_concept(terminology, concept_id)]
    return mention
