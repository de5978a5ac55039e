"""The formats by name, as far as a file holds any number of documents."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

from medlink.errors import MedlinkError
from medlink.formats.conll import write_conll
from medlink.formats.fhir import write_fhir
from medlink.formats.jsonl import write_line
from medlink.formats.omop import COLUMNS, note_nlp_rows
from medlink.formats.pubtator import write_pubtator
from medlink.formats.records import DocumentRecord
from medlink.formats.tables import write_csv, write_parquet

_Write = Callable[[Sequence[DocumentRecord]], str | bytes]


def _each(write: Callable[[DocumentRecord], str], records: Sequence[DocumentRecord]) -> str:
    return "".join(map(write, records))


def _bioc(records: Sequence[DocumentRecord], kind: str) -> str:
    from medlink.formats.bioc import write_bioc

    return write_bioc(records, "xml" if kind == "xml" else "json", date=date.today().isoformat())


def _omop(records: Sequence[DocumentRecord]) -> str:
    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, COLUMNS)
    writer.writeheader()
    for record in records:
        writer.writerows(note_nlp_rows(record, date=date.today().isoformat()))
    return content.getvalue()


WRITERS: dict[str, _Write] = {
    "jsonl": partial(_each, write_line),
    "csv": write_csv,
    "parquet": write_parquet,
    "bioc-xml": partial(_bioc, kind="xml"),
    "bioc-json": partial(_bioc, kind="json"),
    "pubtator": partial(_each, write_pubtator),
    "conll": partial(_each, write_conll),
    "fhir": partial(_each, write_fhir),
    "omop": _omop,
}


def write_records(records: Sequence[DocumentRecord], name: str) -> str | bytes:
    """Documents in a format of :data:`WRITERS`.

    Raises:
        MedlinkError: The package that the format needs is missing.
    """
    try:
        return WRITERS[name](records)
    except ImportError as error:
        raise MedlinkError(f"{name} needs the package {error.name}; pip install medlink[formats]") from None
