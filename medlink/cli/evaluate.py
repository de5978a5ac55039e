"""``medlink evaluate``: figures that anyone can measure again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from medlink.cli.evaluate_link import evaluate_link
from medlink.models import DEFAULT_MODEL

app = typer.Typer(no_args_is_help=True, help="Measure components on annotated corpora.")
app.command("link")(evaluate_link)


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
def gliner(
    config: Annotated[Path, typer.Argument(help="Training settings that name the corpora; see configs/gliner.cfg.")],
    model: Annotated[str, typer.Option(help="Installed pipeline package with medlink_gliner.")] = "en_medlink_gliner",
) -> None:
    """Strict F1 of medlink_gliner, asked for up to eight types at once in plain words, exact spans."""
    from medlink.evaluation.gliner import name_of, score_gliner_splits
    from medlink.inference.gliner import GlinerModel
    from medlink.models import find_model
    from medlink.training.settings import GlinerSettings

    settings = GlinerSettings.load(config)
    for name, split, by_label in score_gliner_splits(GlinerModel.load(find_model(model) / "medlink_gliner"), settings):
        for label, scores in by_label.items():
            asked = name_of(label, settings.phrases) if label != "micro" else "all"
            typer.echo(
                f"{name:14} {split:12} {asked:30} precision {scores.precision:.4f}  recall {scores.recall:.4f}  "
                f"F1 {scores.f1:.4f}  gold {scores.gold}"
            )


@app.command()
def concepts(
    corpus: Annotated[Path, typer.Argument(help="A corpus in the format of HPO GSC+.")],
    terminology: Annotated[str, typer.Option(help="Name of the terminology.")] = "hpo",
    model: Annotated[str, typer.Option(help="Installed pipeline package, or the folder of one.")] = DEFAULT_MODEL,
) -> None:
    """Concept-level document F1 from raw text: of the pipeline, and of medlink_dictionary alone with its speed."""
    from medlink.evaluation.corpora import evaluate_concepts, evaluate_dictionary
    from medlink.models import load_model

    scores = evaluate_concepts(load_model(model), corpus, terminology)
    typer.echo(
        f"pipeline    precision {scores.precision:.4f}  recall {scores.recall:.4f}  F1 {scores.f1:.4f}  "
        f"gold {scores.gold}"
    )
    scores, documents, seconds = evaluate_dictionary(corpus, terminology)
    typer.echo(
        f"dictionary  precision {scores.precision:.4f}  recall {scores.recall:.4f}  F1 {scores.f1:.4f}  "
        f"gold {scores.gold}  documents {documents}  {documents / seconds:,.0f} documents a second"
    )


@app.command()
def names(
    terminology: Annotated[str, typer.Argument(help="Name or folder of a terminology.")],
    scope: Annotated[list[str], typer.Option(help="Scopes of the names; may be given again.")] = ["preferred"],  # noqa: B006
) -> None:
    """How many names of a terminology, given as mentions, link to their own concept at rank 1."""
    from medlink.evaluation.names import evaluate_names
    from medlink.terminology.store import Terminology

    began = time.perf_counter()
    result = evaluate_names(Terminology.load(terminology), scope)
    typer.echo(
        f"names {result.names}  right {result.right}  accuracy@1 {result.right / result.names:.5f}  "
        f"({result.below} by a code below that has the name; left out: {result.ties} that another concept has too)  "
        f"{time.perf_counter() - began:.0f} s"
    )
    for concept_id, name, found in result.wrong[:20]:
        typer.echo(f"  {concept_id} {name!r} links to {found}")


@app.command()
def assertion(
    path: Annotated[
        Path, typer.Argument(help="Marked text (a file of sentences, a folder of notes), or NegEx/ConText TSV.")
    ],
    errors: Annotated[bool, typer.Option(help="Show what was decided wrong.")] = False,
) -> None:
    """How many assertions of gold mentions are decided right; see corpora/README.md for the formats."""
    from medlink.evaluation.assertion import evaluate_corpus, evaluate_marked
    from medlink.evaluation.marked import text_files

    if path.suffix == ".tsv":
        scores = evaluate_corpus(path)
    else:
        scores = evaluate_marked(text_files(path), by_line=not path.is_dir())
    typer.echo(f"mentions {scores.mentions}")
    annotated = {gold for gold, _ in scores.pairs}
    for value in ("absent", "possible", "historical", "hypothetical", "family", "other"):
        if value in annotated:
            precision, recall, f1 = scores.f1(value)
            typer.echo(f"{value:14} precision {precision:.4f}  recall {recall:.4f}  F1 {f1:.4f}")
    if path.suffix != ".tsv":
        for name in ("status", "temporality", "experiencer", "all"):
            typer.echo(f"{name:14} right {scores.right[name] / max(1, scores.mentions):.4f}")
    for around, gold, decided in scores.wrong if errors else []:
        typer.echo(f"  {around!r}: {gold}, decided {decided}")


@app.command()
def attributes(
    path: Annotated[Path, typer.Argument(help="Marked lines with attributes; see corpora/README.md.")],
    errors: Annotated[bool, typer.Option(help="Show what was read wrong.")] = False,
) -> None:
    """How many attributes of gold mentions are read right."""
    from medlink.evaluation.attributes import evaluate_attributes

    scores = evaluate_attributes(path)
    for name, gold in scores.gold.items():
        typer.echo(f"{name:12} right {scores.right[name]:4} of {gold:4}  {scores.right[name] / gold:.4f}")
    for text, name, value, found in scores.wrong if errors else []:
        typer.echo(f"  {text!r}: {name} {value}, read {found}")


@app.command()
def headings(
    gold: Annotated[Path, typer.Argument(help="Annotated offsets; see corpora/README.md.")],
    notes: Annotated[Path, typer.Argument(help="Folder of the notes.")],
    errors: Annotated[bool, typer.Option(help="Show headings missed and false ones.")] = False,
) -> None:
    """How many headings of notes are found, and how many of those found are none."""
    from medlink.document.headings import HeadingFinder
    from medlink.document.sections import default_section_rules
    from medlink.evaluation.headings import evaluate_headings

    scores = evaluate_headings(HeadingFinder(default_section_rules()), gold, notes)
    typer.echo(
        f"headings {scores.gold}  found {scores.found} ({scores.recall:.4f}), {scores.named} of them named  "
        f"false {scores.false} ({scores.false_share:.4f} of all found)"
    )
    for kind, rows in (("missed", scores.missed), ("false", scores.wrong)) if errors else []:
        for note, words in rows:
            typer.echo(f"  {kind} {note}: {words!r}")
