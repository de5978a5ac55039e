"""Where documents come from: files, folders, globs, archives and object stores, in any format that is read.

Opened by ``fsspec``, so that ``s3://bucket/notes/*.txt`` is a place as good as any where its package is installed;
``.gz``, ``.bz2``, ``.xz`` and ``.zst`` are unpacked on the way, and the members of a ``.zip`` are files in a folder.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TextIO

import fsspec

from medlink.errors import MedlinkError
from medlink.formats.conll import read_conll
from medlink.formats.encodings import codec, find_encoding
from medlink.formats.fhir import read_fhir
from medlink.formats.pubtator import parse_pubtator
from medlink.formats.records import DocumentRecord, from_corpus, new_document

#: Formats by the end of a file's name; ``.json`` and ``.xml`` may be several things, and need to be told.
SUFFIXES = {
    ".txt": "text",
    ".text": "text",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pubtator": "pubtator",
    ".conll": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".xmi": "xmi",
}
#: Formats that are read. ``omop-note`` is the table NOTE as CSV or Parquet, ``fhir`` is NDJSON.
FORMATS = (*dict.fromkeys(SUFFIXES.values()), "brat", "bioc-xml", "bioc-json", "fhir", "omop-note")
_PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd"}
#: Formats with one document a file.
_SINGLE = ("text", "brat", "xmi")
_TABLES = ("csv", "tsv", "omop-note")
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns, or keys of JSON Lines, hold what; all others go into the metadata.

    Arguments:
        text: The text.
        id: The identifier; where a row has none, it is the file and the number of the row.
        date: The date of the note.
    """

    text: str = "text"
    id: str = "id"
    date: str = "date"


OMOP_NOTE = Columns("note_text", "note_id", "note_date")


@dataclass(frozen=True, slots=True)
class Source:
    """A file with documents.

    Arguments:
        path: Path or URL, as ``fsspec`` opens it; ``-`` for standard input.
        format: One of :data:`FORMATS`.
        columns: Which columns hold what, in tables and JSON Lines.
        encoding: Encoding of its text, or ``auto``.
    """

    path: str
    format: str
    columns: Columns = field(default_factory=Columns)
    encoding: str = "utf-8"

    @property
    def single(self) -> bool:
        """Whether the file is one document."""
        return self.format in _SINGLE

    def read(self, broken: list[MedlinkError] | None = None) -> Iterator[tuple[DocumentRecord, str]]:
        """Read the documents.

        Arguments:
            broken: Where given, the errors of rows that cannot be read are put here, and the others are read on.

        Yields:
            Each document, and the encoding that its text was in.

        Raises:
            MedlinkError: The file is gone, unreadable, in another encoding, or not of its format.
        """
        opened: Callable[[], AbstractContextManager[BinaryIO]] = partial(_open, self.path)
        if self.path == "-":
            opened = partial(io.BytesIO, sys.stdin.buffer.read())
        try:
            if self.format == "parquet" or (self.format == "omop-note" and _starts(opened, b"PAR1")):
                with opened() as file:
                    for record in self._from_rows(_parquet_rows(file, self.path), broken):
                        yield record, "utf-8"
                return
            encoding = find_encoding(opened, self.path, self.encoding)
            newline = "" if self.format in _TABLES else "\n"
            with opened() as file, io.TextIOWrapper(file, codec(encoding), newline=newline) as text:
                for record in self._documents(text, broken):
                    yield record, encoding
        except FileNotFoundError:
            raise MedlinkError(f"{self.path}: no such file; it may have been moved") from None
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise MedlinkError(f"{self.path}: cannot be read ({error})") from None

    def _documents(self, text: TextIO, broken: list[MedlinkError] | None) -> Iterable[DocumentRecord]:
        match self.format:
            case "text" | "brat":
                return [new_document(self.path, text.read())]
            case "jsonl":
                return self._from_rows(_json_rows(text, self.path), broken)
            case "csv" | "tsv" | "omop-note":
                return self._from_rows(_csv_rows(text, "\t" if self.format == "tsv" else ",", self.path), broken)
            case "pubtator":
                return map(from_corpus, parse_pubtator(text, self.path))
            case "conll":
                return read_conll(text, self.path)
            case "bioc-xml" | "bioc-json":
                from medlink.formats.bioc import read_bioc

                return read_bioc(text.read(), "xml" if self.format == "bioc-xml" else "json", self.path)
            case "xmi":
                from medlink.formats.xmi import read_xmi

                return [read_xmi(text.read(), self.path)]
            case "fhir":
                return read_fhir(text, self.path)
        raise MedlinkError(f"unknown format {self.format!r}; choose from {', '.join(FORMATS)}")

    def _from_rows(
        self, rows: Iterator[tuple[int, dict[str, Any] | MedlinkError]], broken: list[MedlinkError] | None
    ) -> Iterator[DocumentRecord]:
        columns = OMOP_NOTE if self.format == "omop-note" else self.columns
        for number, read in rows:
            try:
                text, row = self._text_and_rest(number, read, columns)
            except MedlinkError as error:
                if broken is None:
                    raise
                broken.append(error)
                continue
            doc_id, date = row.pop(columns.id, None), row.pop(columns.date, None)
            metadata = {name: str(value) for name, value in row.items() if value is not None and value != ""}
            yield new_document(
                f"{self.path}#{number}" if doc_id in (None, "") else str(doc_id),
                text,
                date="" if date is None else str(date),
                metadata=metadata,
            )

    def _text_and_rest(
        self, number: int, row: dict[str, Any] | MedlinkError, columns: Columns
    ) -> tuple[str, dict[str, Any]]:
        """The text of a row, and its other columns."""
        if isinstance(row, MedlinkError):
            raise row
        text = row.pop(columns.text, None)
        if not isinstance(text, str):
            raise MedlinkError(
                f"{self.path}: row {number} has no text in {columns.text!r}; name the column with --text-column "
                f"(there are {', '.join(map(repr, row)) or 'none'})"
            )
        return text, row


def find_sources(
    places: Sequence[str], *, format: str = "", columns: Columns | None = None, encoding: str = "utf-8"
) -> list[Source]:
    """The files with documents in some places.

    Arguments:
        places: Files, folders (with all below them), globs, archives or URLs; ``-`` for standard input.
        format: Format of all files; "" to tell it by the ends of their names. In a folder, files with other ends are
            passed over.
        columns: Which columns hold what.
        encoding: Encoding of the files, or ``auto``.

    Returns:
        The files by path, each once.

    Raises:
        MedlinkError: A place does not exist or holds no such file, or the format of a file cannot be told.
    """
    if format and format not in FORMATS:
        raise MedlinkError(f"unknown format {format!r}; choose from {', '.join(FORMATS)}")
    found: dict[str, str] = {}
    for place in places:
        paths, named = _paths(place)
        told = {path: one for path in paths if (one := _format(path, format))}
        if named and not told and not format:
            known = ", ".join(FORMATS)
            raise MedlinkError(f"{place}: its format cannot be told; name it with --input-format ({known})")
        if not told:
            ends = f"; files that end in {', '.join(SUFFIXES)} are read" if not format else ""
            raise MedlinkError(f"{place}: no such file, or no documents in it{ends}")
        found |= told
    return [Source(path, found[path], columns or Columns(), encoding) for path in sorted(found)]


def _format(path: str, wanted: str) -> str:
    """The format of a file, or "" where it is passed over."""
    if path == "-":
        return wanted or "text"
    if wanted == "brat":
        return wanted if _suffix(path) == ".txt" else ""
    return wanted or SUFFIXES.get(_suffix(path), "")


def _suffix(path: str) -> str:
    """The end of a file's name, without that of its packing."""
    suffixes = [one.lower() for one in PurePosixPath(path.split("::")[0]).suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _paths(place: str) -> tuple[list[str], bool]:
    """The files in a place, and whether it was named itself."""
    if place == "-":
        return ["-"], True
    url = f"zip://::{place}" if place.lower().endswith(".zip") else place
    try:
        system, path = fsspec.core.url_to_fs(url)
        if url is not place:
            return [f"zip://{one}::{place}" for one in system.find(path)], False
        if any(sign in path for sign in "*?["):
            # A file may have such signs in its name.
            paths = [path] if system.isfile(path) else [one for one in system.glob(path) if system.isfile(one)]
        else:
            paths = system.find(path) if system.isdir(path) else [path] if system.exists(path) else []
    except (OSError, ValueError, ImportError) as error:
        raise MedlinkError(f"{place}: cannot be opened ({error})") from None
    local = "://" not in place
    return [_as_given(one, place) if local else system.unstrip_protocol(one) for one in paths], paths == [path]


def _as_given(path: str, place: str) -> str:
    """A path as it was given, not made absolute."""
    return path if Path(place).is_absolute() else os.path.relpath(path)


def _open(path: str) -> AbstractContextManager[BinaryIO]:
    packing = _PACKED.get(PurePosixPath(path.split("::")[0]).suffix.lower())
    file: AbstractContextManager[BinaryIO] = fsspec.open(path, "rb", compression=packing)
    return file


def _starts(opened: Callable[[], AbstractContextManager[BinaryIO]], mark: bytes) -> bool:
    with opened() as file:
        return file.read(len(mark)) == mark


def _json_rows(lines: Iterable[str], source: str) -> Iterator[tuple[int, dict[str, Any] | MedlinkError]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                yield number, MedlinkError(f"{source}:{number}: not JSON ({error})")
                continue
            if not isinstance(row, dict):
                row = MedlinkError(f"{source}:{number}: not an object; expected one a line")
            yield number, row


def _csv_rows(file: TextIO, delimiter: str, source: str) -> Iterator[tuple[int, dict[str, Any] | MedlinkError]]:
    # Notes are longer than the module's limit for a field.
    csv.field_size_limit(sys.maxsize)
    try:
        for number, row in enumerate(csv.DictReader(file, delimiter=delimiter), start=1):
            if None in row:
                more = f"{source}: row {number} has more fields than there are columns; quote its text"
                yield number, MedlinkError(more)
            else:
                yield number, dict(row)
    except csv.Error as error:
        raise MedlinkError(f"{source}: not a table ({error})") from None


def _parquet_rows(file: BinaryIO, source: str) -> Iterator[tuple[int, dict[str, Any] | MedlinkError]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        batches = pq.ParquetFile(file).iter_batches(batch_size=_BATCH)
        yield from enumerate((row for batch in batches for row in batch.to_pylist()), start=1)
    except pa.ArrowInvalid as error:
        raise MedlinkError(f"{source}: not a Parquet file ({error})") from None
