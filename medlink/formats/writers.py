"""The formats by name, as far as a file holds any number of documents."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial

from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord

_Write = Callable[[Sequence[DocumentRecord]], str | bytes]


def _jsonl(records: Sequence[DocumentRecord]) -> str:
    from medlink.formats.jsonl import write_line

    return "".join(map(write_line, records))


def _csv(records: Sequence[DocumentRecord]) -> str:
    from medlink.formats.tables import write_csv

    return write_csv(records)


def _parquet(records: Sequence[DocumentRecord]) -> bytes:
    from medlink.formats.tables import write_parquet

    return write_parquet(records)


def _bioc(records: Sequence[DocumentRecord], kind: str) -> str:
    from medlink.formats.bioc import write_bioc

    return write_bioc(records, "xml" if kind == "xml" else "json", date=date.today().isoformat())


def _pubtator(records: Sequence[DocumentRecord]) -> str:
    from medlink.formats.pubtator import write_pubtator

    return "".join(map(write_pubtator, records))


def _conll(records: Sequence[DocumentRecord]) -> str:
    from medlink.formats.conll import write_conll

    return "".join(map(write_conll, records))


def _fhir(records: Sequence[DocumentRecord]) -> str:
    from medlink.formats.fhir import write_fhir

    return "".join(map(write_fhir, records))


def _omop(records: Sequence[DocumentRecord]) -> str:
    from medlink.formats.omop import COLUMNS, note_nlp_rows

    content = io.StringIO(newline="")
    writer = csv.DictWriter(content, COLUMNS)
    writer.writeheader()
    for record in records:
        writer.writerows(note_nlp_rows(record, date=date.today().isoformat()))
    return content.getvalue()


WRITERS: dict[str, _Write] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
    "bioc-xml": partial(_bioc, kind="xml"),
    "bioc-json": partial(_bioc, kind="json"),
    "pubtator": _pubtator,
    "conll": _conll,
    "fhir": _fhir,
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
