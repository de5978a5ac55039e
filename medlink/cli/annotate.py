"""``medlink annotate``: the mentions and concepts of notes."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from medlink.cli.output import write_output
from medlink.formats.text import decode, read_text
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
    files: Annotated[list[str], typer.Argument(metavar="FILE…|-", help="Notes in UTF-8; '-' for standard input.")],
    model: Annotated[str, typer.Option(help="Installed pipeline package, or the folder of one.")] = DEFAULT_MODEL,
    format: Annotated[Format, typer.Option(help="What to print.")] = Format.text,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of the screen.")] = None,
) -> None:
    """Find the mentions in notes and the concepts that they mean."""
    # All notes are read before the first is annotated, so that a wrong path costs no half output.
    texts = [decode(sys.stdin.buffer.read(), "standard input") if file == "-" else read_text(file) for file in files]
    nlp = load_model(model)
    docs = list(nlp.pipe(texts))
    if format is Format.html:
        from medlink.formats.html import docs_to_html

        write_output(docs_to_html(list(zip(files, docs, strict=True))), output)
    elif format is Format.text:
        from medlink.formats.terminal import docs_to_terminal

        write_output(docs_to_terminal(list(zip(files, docs, strict=True)), colour=output is None), output)
    else:
        from medlink.formats.records import doc_to_record
        from medlink.formats.writers import write_records

        records = [doc_to_record(doc, file) for doc, file in zip(docs, files, strict=True)]
        write_output(write_records(records, format.value), output)
