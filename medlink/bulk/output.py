"""The files of a shard, in any of the formats: one file for all its documents, or a folder with files for each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from spacy.tokens import Doc, DocBin

from medlink.bulk.folder import scratch_name, write_whole
from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord
from medlink.formats.writers import WRITERS, write_records

#: What the files of a format end in.
ENDS = {
    "jsonl": ".jsonl",
    "csv": ".csv",
    "parquet": ".parquet",
    "bioc-xml": ".xml",
    "bioc-json": ".json",
    "pubtator": ".pubtator",
    "conll": ".conll",
    "fhir": ".ndjson",
    "omop": ".csv",
    "html": ".html",
    "spacy": ".spacy",
    "brat": "",
    "xmi": "",
}
#: Formats that are written from spaCy's documents.
OF_DOCS = ("html", "spacy")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def write_part(path: Path, records: Sequence[DocumentRecord], docs: Sequence[Doc], format: str, date: str) -> None:
    """Write the documents of a shard, whole or not at all.

    Arguments:
        path: Where to, without the end that tells the format.
        records: The documents as records.
        docs: The documents as spaCy has them; for formats in :data:`OF_DOCS`.
        format: One of :data:`ENDS`.
        date: Date of the run in ISO 8601.

    Raises:
        OSError: The files cannot be written.
        MedlinkError: The format needs a package that is not installed.
    """
    file = path.with_name(path.name + ENDS[format])
    if format in ("brat", "xmi"):
        _write_folder(file, records, format)
    elif format == "spacy":
        for doc, record in zip(docs, records, strict=True):
            doc.user_data["medlink_id"] = record["id"]
        write_whole(file, DocBin(docs=docs, store_user_data=True).to_bytes())
    elif format == "html":
        from medlink.formats.html import docs_to_html

        named = [(record["id"], doc) for record, doc in zip(records, docs, strict=True)]
        write_whole(file, docs_to_html(named).encode("utf-8", "backslashreplace"))
    else:
        content = write_records(records, format, date=date)
        write_whole(file, content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))


def check_format(format: str) -> None:
    """Make sure that a format can be written.

    Raises:
        MedlinkError: It is unknown, or a package that it needs is missing.
    """
    if format not in ENDS:
        raise MedlinkError(f"{format!r} is no format of a run; choose from {', '.join(ENDS)}")
    if format in WRITERS:
        write_records([], format, date="2000-01-01")
    if format == "xmi":
        _xmi()


def _write_folder(folder: Path, records: Sequence[DocumentRecord], format: str) -> None:
    scratch = scratch_name(folder)
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for number, record in enumerate(records):
        # Identifiers are paths as often as not; the number keeps two of one name apart.
        name = f"{number:04d}-{_UNSAFE.sub('_', Path(record['id']).stem)[:80]}"
        if format == "brat":
            from medlink.formats.brat import write_brat

            _write(scratch / f"{name}.txt", record["text"])
            _write(scratch / f"{name}.ann", write_brat(record))
        else:
            _write(scratch / f"{name}.xmi", _xmi().write_xmi(record))
    if format == "xmi":
        _write(scratch / "typesystem.xml", _xmi().type_system())
    shutil.rmtree(folder, ignore_errors=True)
    scratch.rename(folder)


def _write(path: Path, text: str) -> None:
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def _xmi() -> ModuleType:
    try:
        return import_module("medlink.formats.xmi")
    except ImportError as error:
        raise MedlinkError(f"xmi needs the package {error.name}; pip install medlink[formats]") from None
