"""``medlink evaluate link``: accuracy, recall, NIL and calibration of the linker on gold mentions."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medlink.cli.link import open_linker
from medlink.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from medlink.evaluation.linking import LinkScores


def evaluate_link(
    corpus: Annotated[
        Path,
        typer.Argument(
            help="PubTator, HPO GSC+, or a folder of marked notes; with --nil a list, with --crosswalk OBO files."
        ),
    ],
    terminology: Annotated[str, typer.Option("--terminology", "-t", help="Name or folder of the terminology.")],
    label: Annotated[list[str] | None, typer.Option(help="Labels of the mentions to take; all by default.")] = None,
    seen: Annotated[Path | None, typer.Option(help="Training split, to tell seen mentions from unseen ones.")] = None,
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Take the corpus out of the model's priors, which count it, first.")
    ] = False,
    nil: Annotated[
        bool, typer.Option("--nil", help="The file lists mentions that no concept fits, one a line.")
    ] = False,
    crosswalk: Annotated[str, typer.Option(help="Take the names with cross-references of this prefix, from OBO.")] = "",
    category: Annotated[int, typer.Option(help="Compare so many characters of the concept ids; 0 for all.")] = 0,
    model: Annotated[str, typer.Option(help="Pipeline package, or 'none' to link by names and words.")] = DEFAULT_MODEL,
    encoder: Annotated[str, typer.Option(help="Name or folder of another encoder of names.")] = "",
    rerank: Annotated[bool, typer.Option(help="Let the cross-encoder read the candidates.")] = True,
    errors: Annotated[bool, typer.Option(help="Show the mentions answered wrong.")] = False,
) -> None:
    """Link gold mentions, each with its document as context, and score the answers."""
    from medlink.evaluation.linking import crosswalk_gold, evaluate_linking, read_gold, read_unknown
    from medlink.evaluation.linking import leave_out as without

    linker = open_linker(model, [terminology], encoder=encoder, rerank=rerank)
    if crosswalk:
        gold = crosswalk_gold(sorted(corpus.glob("*.obo")) if corpus.is_dir() else [corpus], crosswalk)
    elif nil:
        gold = read_unknown(corpus)
    else:
        gold = read_gold(corpus, label or ())
    if leave_out:
        linker = without(linker, gold)
    known = [one.text for one in read_gold(seen, label or ())] if seen else []
    began = time.perf_counter()
    scores = evaluate_linking(linker, linker.terminologies[0], gold, seen=known, category=category)
    seconds = time.perf_counter() - began
    _show("all", scores)
    for name in sorted(scores.groups):
        _show(name, scores.groups[name])
    typer.echo(
        f"NIL gold {scores.nil_gold}  precision {scores.nil_precision:.4f}  recall {scores.nil_recall:.4f}\n"
        f"expected calibration error {scores.calibration_error:.4f}  answers that are not NIL {scores.above}, right "
        f"{scores.above_precision:.4f}  {len(gold) / seconds:,.0f} mentions a second"
    )
    for mean, share, count in scores.reliability():
        typer.echo(f"  score {mean:.2f}  right {share:.2f}  answers {count:5}  {'#' * round(share * 40)}")
    for text, names, answer in scores.wrong if errors else []:
        typer.echo(f"  {text!r}: {names}, answered {answer}")


def _show(name: str, scores: LinkScores) -> None:
    if scores.mentions:
        ranks = "  ".join(f"@{rank} {scores.accuracy(rank):.4f}" for rank in scores.right)
        typer.echo(f"{name:16} mentions {scores.mentions:5}  accuracy {ranks}  MRR {scores.mrr:.4f}")
