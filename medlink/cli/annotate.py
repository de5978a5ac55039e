"""``medlink annotate``: the mentions and concepts of notes."""

from __future__ import annotations

from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from medlink.cli.output import write_output
from medlink.errors import MedlinkError
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
    brat = "brat"
    xmi = "xmi"
    spacy = "spacy"


class Engine(str, Enum):
    """What runs the workers of a run."""

    local = "local"
    ray = "ray"


# A file or more for each document, or none that a screen can show.
_RUN_ONLY = (Format.brat, Format.xmi, Format.spacy)


def annotate(
    places: Annotated[
        list[str],
        typer.Argument(metavar="FILE…|-", help="Files, folders, globs, archives or URLs; '-' for standard input."),
    ],
    model: Annotated[str, typer.Option(help="Installed pipeline package, or the folder of one.")] = DEFAULT_MODEL,
    format: Annotated[
        Format | None, typer.Option(help="What to print, text by default, or to write with --out, jsonl by default.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of the screen.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of a run over many documents, which goes on where it was cut off."),
    ] = None,
    workers: Annotated[str, typer.Option(help="Worker processes of a run; 'auto' for one a core.")] = "auto",
    engine: Annotated[Engine, typer.Option(help="What runs the workers of a run.")] = Engine.local,
    limit: Annotated[int | None, typer.Option(help="Most documents of a run.")] = None,
    sample: Annotated[float, typer.Option(help="Share of the documents that a run takes, 0 to 1.")] = 1.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what a run would do.")] = False,
    input_format: Annotated[str, typer.Option(help="Format of the files; by their names if not given.")] = "",
    encoding: Annotated[
        str, typer.Option(help="Encoding of the files; 'auto' to detect it where not UTF-8.")
    ] = "utf-8",
    text_column: Annotated[str, typer.Option(help="Column or key with the text, in tables and JSON Lines.")] = "text",
    id_column: Annotated[str, typer.Option(help="Likewise, with the identifier.")] = "id",
    date_column: Annotated[str, typer.Option(help="Likewise, with the date of the note.")] = "date",
) -> None:
    """Find the mentions in notes and the concepts that they mean.

    With --out any number of documents is annotated into a folder, in shards, with a ledger and a report.
    """
    from medlink.formats.sources import Columns, find_sources

    columns = Columns(text_column, id_column, date_column)
    if out is not None:
        from medlink.bulk.run import RunSettings
        from medlink.cli.annotate_run import annotate_run

        if output is not None:
            raise MedlinkError("a run writes into the folder of --out; leave out --output")
        written = "jsonl" if format is None else format.value
        settings = RunSettings(places, model, written, input_format, encoding, columns, limit, sample)
        annotate_run(settings, out, workers, engine.value, dry_run)
        return
    if limit is not None or sample != 1 or dry_run:
        raise MedlinkError("--limit, --sample and --dry-run are for runs; name the folder of one with --out")
    if format in _RUN_ONLY:
        raise MedlinkError(f"{format.value} is not one text to print; name a folder with --out")
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
    elif format in (None, Format.text):
        from medlink.formats.terminal import docs_to_terminal

        write_output(docs_to_terminal(list(zip(files, docs, strict=True)), colour=output is None), output)
    else:
        from medlink.formats.records import annotated
        from medlink.formats.writers import write_records

        records = [annotated(note, doc) for doc, note in zip(docs, notes, strict=True)]
        assert format is not None
        write_output(write_records(records, format.value, date=date.today().isoformat()), output)
