"""``medlink link``: the concepts that a mention means."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from medlink.errors import MedlinkError
from medlink.models import DEFAULT_MODEL, find_model

if TYPE_CHECKING:
    from medlink.linking.linker import Linker
    from medlink.types import Candidate


def link(
    mentions: Annotated[list[str], typer.Argument(help="Mentions, each in quotes.")],
    terminology: Annotated[
        list[str] | None,
        typer.Option(
            "--terminology", "-t", help="Name or folder of a terminology; may be given again. All by default."
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Most candidates for each mention in each terminology.")] = 5,
    threshold: Annotated[float | None, typer.Option(help="Score below which a candidate is NIL, 0 to 1.")] = None,
    context: Annotated[
        str, typer.Option(help="Text that the mentions stand in; it tells what abbreviations mean.")
    ] = "",
    model: Annotated[
        str,
        typer.Option(help="Pipeline package with encoder and cross-encoder; 'none' links by names and words alone."),
    ] = DEFAULT_MODEL,
    encoder: Annotated[str, typer.Option(help="Name or folder of another encoder of names, as SapBERT.")] = "",
    rerank: Annotated[bool, typer.Option(help="Let the cross-encoder read the candidates.")] = True,
    explain: Annotated[bool, typer.Option(help="Show what was looked up and what each stage gave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each mention.")] = False,
) -> None:
    """Rank the concepts that mentions mean; those below the threshold are marked NIL."""
    linker = open_linker(model, terminology, threshold=threshold, encoder=encoder, rerank=rerank)
    places = [_place(mention, context) for mention in mentions] if context else None
    results = linker.link(mentions, places, k=k)
    if as_json:
        for mention, candidates in zip(mentions, results, strict=True):
            record = {"mention": mention, "candidates": [asdict(candidate) for candidate in candidates]}
            typer.echo(json.dumps(record, ensure_ascii=False))
        return
    for mention, candidates in zip(mentions, results, strict=True):
        _show(mention, candidates, explain)


def open_linker(
    model: str,
    terminologies: Sequence[str] | None,
    *,
    threshold: float | None = None,
    encoder: str = "",
    rerank: bool = True,
) -> Linker:
    """The linker that a command is to use.

    Arguments:
        model: A pipeline package, or ``"none"``.
        terminologies: Names or folders of terminologies; None for all that are installed.
        threshold: Score below which a candidate is NIL; None for the model's.
        encoder: Name or folder of another encoder; "" for the model's.
        rerank: Whether the cross-encoder reads candidates, where there is one.

    Raises:
        MedlinkError: The model or a terminology is not there.
    """
    from medlink.linking.linker import Linker
    from medlink.terminology.catalog import installed_terminologies

    names = terminologies or sorted(installed_terminologies())
    if model != "none":
        find_model(model)
    return Linker.load(
        None if model == "none" else model, names, threshold=threshold, encoder=encoder, rerank=rerank and None
    )


def _place(mention: str, context: str) -> tuple[str, int, int]:
    start = context.find(mention)
    if start < 0:
        raise MedlinkError(f"the context does not hold the mention {mention!r}; give it as it stands there")
    return context, start, start + len(mention)


def _show(mention: str, candidates: Sequence[Candidate], explain: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not candidates:
        console.print(Text(f"{mention}: NIL, no concept resembles it"))
        return
    table = Table("concept", "terminology", "name", "matched name", "stage", title=Text(mention), title_justify="left")
    table.add_column("score", justify="right")
    if explain:
        table.add_column("looked up")
        table.add_column("stages")
    for c in candidates:
        stage = f"{c.stage} via {c.via}" if c.via else c.stage
        score = f"{c.score:.2f}" + (" NIL" if c.nil else "")
        cells = [c.concept_id, c.terminology, c.name, c.alias, stage, score]
        if explain:
            cells += [c.query, ", ".join(f"{name} {value:.2f}" for name, value in c.stages.items())]
        table.add_row(*map(Text, cells), style="dim" if c.nil else "")
    console.print(table)
