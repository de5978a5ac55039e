"""``medlink annotate``: the mentions and concepts of notes."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from medlink.cli.output import write_output
from medlink.formats.encodings import AUTO
from medlink.models import DEFAULT_MODEL, load_model


class Format(str, Enum):
    """How annotations are shown."""

    text = "text"
    html = "html"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    bioc_xml = "bioc-xml"
    bioc_json = "bioc-json"
    pubtator = "pubtator"
    conll = "conll"
    fhir = "fhir"
    omop = "omop"


def annotate(
    places: Annotated[
        list[str],
        typer.Argument(metavar="FILE…|-", help="Files, folders, globs, archives or URLs; '-' for standard input."),
    ],
    model: Annotated[str, typer.Option(help="Installed pipeline package, or the folder of one.")] = DEFAULT_MODEL,
    format: Annotated[Format, typer.Option(help="What to print.")] = Format.text,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of the screen.")] = None,
    input_format: Annotated[str, typer.Option(help="Format of the files; by their names if not given.")] = "",
    encoding: Annotated[
        str, typer.Option(help="Encoding of the files; 'auto' to detect it where not UTF-8.")
    ] = "utf-8",
    text_column: Annotated[str, typer.Option(help="Column or key with the text, in tables and JSON Lines.")] = "text",
    id_column: Annotated[str, typer.Option(help="Likewise, with the identifier.")] = "id",
    date_column: Annotated[str, typer.Option(help="Likewise, with the date of the note.")] = "date",
) -> None:
    """Find the mentions in notes and the concepts that they mean."""
    from medlink.formats.sources import Columns, find_sources

    columns = Columns(text_column, id_column, date_column)
    # All notes are read before the first is annotated, so that a wrong path costs no half output.
    notes = []
    for source in find_sources(places, format=input_format, columns=columns, encoding=encoding):
        for note, read in source.read():
            if read != "utf-8" and encoding == AUTO:
                typer.echo(f"medlink: {source.path}: not UTF-8, read as {read}", err=True)
            notes.append(note)
    nlp = load_model(model)
    files = [note["id"] for note in notes]
    docs = list(nlp.pipe(note["text"] for note in notes))
    if format is Format.html:
        from medlink.formats.html import docs_to_html

        write_output(docs_to_html(list(zip(files, docs, strict=True))), output)
    elif format is Format.text:
        from medlink.formats.terminal import docs_to_terminal

        write_output(docs_to_terminal(list(zip(files, docs, strict=True)), colour=output is None), output)
    else:
        from medlink.formats.records import doc_to_record
        from medlink.formats.writers import write_records

        records = [
            doc_to_record(doc, note["id"], date=note["date"], metadata=note["metadata"])
            for doc, note in zip(docs, notes, strict=True)
        ]
        write_output(write_records(records, format.value), output)
