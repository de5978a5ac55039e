"""``medlink link``: the concepts that a mention means."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer


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
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each mention.")] = False,
) -> None:
    """Rank the concepts that mentions mean; those below the threshold are marked NIL."""
    from medlink.linking.linker import DEFAULT_THRESHOLD, Linker
    from medlink.terminology.catalog import installed_terminologies
    from medlink.terminology.store import Terminology

    names = terminology or sorted(installed_terminologies())
    opened = [Terminology.load(name) for name in names]
    linker = Linker(opened, threshold=DEFAULT_THRESHOLD if threshold is None else threshold)
    results = linker.link(mentions, k=k)
    if as_json:
        for mention, candidates in zip(mentions, results, strict=True):
            record = {"mention": mention, "candidates": [asdict(candidate) for candidate in candidates]}
            typer.echo(json.dumps(record, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    for mention, candidates in zip(mentions, results, strict=True):
        table = Table(
            "concept", "terminology", "name", "matched name", "stage", title=Text(mention), title_justify="left"
        )
        table.add_column("score", justify="right")
        for c in candidates:
            stage = f"{c.stage} via {c.via}" if c.via else c.stage
            score = f"{c.score:.2f}" + (" NIL" if c.nil else "")
            cells = (c.concept_id, c.terminology, c.name, c.alias, stage, score)
            table.add_row(*map(Text, cells), style="dim" if c.nil else "")
        console.print(table if candidates else Text(f"{mention}: NIL, no concept resembles it"))
