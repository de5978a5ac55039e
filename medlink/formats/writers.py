"""The formats by name, as far as a file holds any number of documents."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from functools import partial

from medlink.errors import MedlinkError
from medlink.formats.conll import write_conll
from medlink.formats.fhir import write_fhir
from medlink.formats.jsonl import write_line
from medlink.formats.omop import COLUMNS, note_nlp_rows
from medlink.formats.pubtator import write_pubtator
from medlink.formats.records import DocumentRecord
from medlink.formats.tables import write_csv, write_parquet

_Write = Callable[[Sequence[DocumentRecord], str], str | bytes]


def _each(write: Callable[[DocumentRecord], str], records: Sequence[DocumentRecord], date: str) -> str:
    return "".join(map(write, records))


def _undated(
    write: Callable[[Sequence[DocumentRecord]], str | bytes], records: Sequence[DocumentRecord], date: str
) -> str | bytes:
    return write(records)


def _bioc(records: Sequence[DocumentRecord], date: str, kind: str) -> str:
    from medlink.formats.bioc import write_bioc

    return write_bioc(records, "xml" if kind == "xml" else "json", date=date)


def _omop(records: Sequence[DocumentRecord], date: str) -> str:
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, COLUMNS)
    writer.writeheader()
    for record in records:
        writer.writerows(note_nlp_rows(record, date=date))
    return content.getvalue()


WRITERS: dict[str, _Write] = {
    "jsonl": partial(_each, write_line),
    "csv": partial(_undated, write_csv),
    "parquet": partial(_undated, write_parquet),
    "bioc-xml": partial(_bioc, kind="xml"),
    "bioc-json": partial(_bioc, kind="json"),
    "pubtator": partial(_each, write_pubtator),
    "conll": partial(_each, write_conll),
    "fhir": partial(_each, write_fhir),
    "omop": _omop,
}


def write_records(records: Sequence[DocumentRecord], name: str, *, date: str) -> str | bytes:
    """Documents in a format.

    Arguments:
        records: The documents.
        name: One of :data:`WRITERS`.
        date: Date of the run in ISO 8601, which some formats tell.

    Raises:
        MedlinkError: The package that the format needs is missing.
    """
    try:
        return WRITERS[name](records, date)
    except ImportError as error:
        raise MedlinkError(f"{name} needs the package {error.name}; pip install medlink[formats]") from None
