"""``medlink evaluate``: figures that anyone can measure again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from medlink.models import DEFAULT_MODEL

app = typer.Typer(no_args_is_help=True, help="Measure components on annotated corpora.")


@app.command()
def ner(
    config: Annotated[Path, typer.Argument(help="Training settings that name the corpora; see configs/ner.cfg.")],
    model: Annotated[str, typer.Option(help="Installed pipeline package, or the folder of one.")] = DEFAULT_MODEL,
) -> None:
    """Strict F1 of medlink_ner on the development splits, exact spans and labels."""
    from medlink.evaluation.corpora import evaluate_ner
    from medlink.models import load_model

    nlp = load_model(model)
    for name, by_label in evaluate_ner(nlp, config).items():
        for label, scores in by_label.items():
            typer.echo(
                f"{name:14} {label:10} precision {scores.precision:.4f}  recall {scores.recall:.4f}  "
                f"F1 {scores.f1:.4f}  gold {scores.gold}"
            )


@app.command()
def concepts(
    corpus: Annotated[Path, typer.Argument(help="A corpus in the format of HPO GSC+.")],
    terminology: Annotated[str, typer.Option(help="Name or folder of the terminology.")] = "hpo",
) -> None:
    """Concept-level document F1 of medlink_dictionary alone, and its speed on one core."""
    from medlink.evaluation.corpora import evaluate_dictionary

    scores, documents, seconds = evaluate_dictionary(corpus, terminology)
    typer.echo(
        f"precision {scores.precision:.4f}  recall {scores.recall:.4f}  F1 {scores.f1:.4f}  gold {scores.gold}  "
        f"documents {documents}  {documents / seconds:,.0f} documents a second"
    )


@app.command()
def names(
    terminology: Annotated[str, typer.Argument(help="Name or folder of a terminology.")],
    scope: Annotated[list[str], typer.Option(help="Scopes of the names; may be given again.")] = ["preferred"],  # noqa: B006
) -> None:
    """How many names of a terminology, given as mentions, link to their own concept at rank 1."""
    from medlink.evaluation.linking import evaluate_names
    from medlink.terminology.store import Terminology

    began = time.perf_counter()
    result = evaluate_names(Terminology.load(terminology), scope)
    typer.echo(
        f"names {result.names}  right {result.right}  accuracy@1 {result.right / result.names:.5f}  "
        f"(left out: {result.ties} that another concept has too)  {time.perf_counter() - began:.0f} s"
    )
    for concept_id, name, found in result.wrong[:20]:
        typer.echo(f"  {concept_id} {name!r} links to {found}")
