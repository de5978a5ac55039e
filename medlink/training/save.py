"""What a training run leaves behind: the ONNX model and its model card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import spacy

from medlink.errors import MedlinkError
from medlink.evaluation.corpora import score_ner
from medlink.evaluation.ner import Scores
from medlink.recognition.ner import MedlinkNer
from medlink.training.cards import SCORE_COLUMNS, made_with, rows_of_scores, table
from medlink.training.export import export_onnx
from medlink.training.ner import NerRun

_SPLITS = "Training splits only; the development splits chose the epoch and gave the scores below."
_ALL_SPLITS = "Training and development splits, once settings and epochs had been chosen without the latter."
_MEASURED = """
The same training without the development splits, {measured}:

| corpus | label | precision | recall | F1 | gold |
|---|---|---|---|---|---|
{scores}
"""
_CARD = """# Model card: medlink_ner

A token classifier that finds mentions in English clinical and biomedical text. Each label is tagged on its
own (O, B, I). Weights are int8 with a scale for each row; it computes in fp32.

| | |
|---|---|
| labels | {labels} |
| base model | {base} ({base_licence}) |
| parameters | {parameters:.1f} million |
| window | {window} word pieces, neighbours share {overlap} |
| training | {epochs} epochs, the best is {best_epoch}; batches of {batch} windows; {made_harder} |
| arithmetic | {precision} |
| learning rate | {learning_rate}, of the heads {head_learning_rate} |
| teachers | {teachers} |
| seed | {seeds} |
| start | {start} |
| time | {minutes:.0f} minutes |
{made_with}

## Data

{splits}

| corpus | labels | licence | sha256 of the training split |
|---|---|---|---|
{data}

A label that a corpus does not annotate was left out of the loss there.

## Scores

Strict: a mention is right only with the same offsets and label (seqeval). Development splits, and held-out ones
that chose nothing, measured with the exported ONNX model in this folder; `medlink evaluate ner` with the training's
config measures them again.

{scores}
{measured}
## Limits

Trained on the corpora above: other styles, specialties and local abbreviations are read less well. Labels follow the
corpora, which do not agree on everything (AnatEM counts tumours and cells as ANATOMY). It says nothing about negation:
a mention is a mention, also where the note denies it. Not a medical device; have a person check what is acted on.
"""


def save_ner(run: NerRun, folder: Path) -> None:
    """Write the model (``model.onnx``, ``tokenizer.json``, ``ner.json``) and its card (``README.md``).

    Arguments:
        run: The training run.
        folder: Where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = run.settings
    (folder / "model.onnx").write_bytes(export_onnx(run.model))
    (folder / "tokenizer.json").write_text(run.tokenizer.to_str(), encoding="utf-8")
    layout = {"labels": settings.labels, "window": settings.window, "overlap": settings.overlap}
    (folder / "ner.json").write_text(json.dumps(layout) + "\n", encoding="utf-8")
    scores = score_ner(MedlinkNer().load_model(folder), spacy.blank("en").vocab, settings)
    (folder / "README.md").write_text(_card(run, scores), encoding="utf-8")


def _card(run: NerRun, scores: Mapping[str, Mapping[str, Scores]]) -> str:
    settings = run.settings
    data = [
        f"| {name} | {', '.join(sorted(set(corpus.labels.values())))} | {corpus.licence} | `{run.checksums[name]}` |"
        for name, corpus in settings.corpora.items()
    ]
    return _CARD.format(
        labels=", ".join(settings.labels),
        base=settings.base.removeprefix("package:"),
        base_licence=settings.base_licence,
        parameters=sum(p.numel() for p in run.model.parameters()) / 1e6,
        window=settings.window,
        overlap=settings.overlap,
        epochs=settings.epochs,
        best_epoch=run.best_epoch,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        head_learning_rate=settings.head_learning_rate,
        teachers=f"{', '.join(settings.teachers)}: {settings.taught:.0%} of the loss" if settings.teachers else "none",
        seeds=", ".join(map(str, run.seeds)) + _mean_of(run),
        made_harder=f"{settings.hidden_pieces:.0%} of the pieces hidden"
        + (f", {settings.hidden_mentions:.0%} of the mentions" if settings.hidden_mentions else "")
        + (f", adversarial ({settings.adversarial:g})" if settings.adversarial else ""),
        precision=settings.precision,
        start=_start(settings.start),
        minutes=run.seconds / 60,
        made_with=made_with(run.machines),
        splits=_ALL_SPLITS if settings.measured else _SPLITS,
        data="\n".join(data),
        scores=table(SCORE_COLUMNS, rows_of_scores(scores)),
        measured=_measured(settings.measured) if settings.measured else "",
    )


def _start(start: str | list[str]) -> str:
    if isinstance(start, list):
        return f"the mean of earlier runs ({', '.join(start)})"
    return f"an earlier run ({start})" if start else "the base model"


def _mean_of(run: NerRun) -> str:
    if not run.averaged and len(run.seeds) == 1:
        return ""
    whose = "their" if len(run.seeds) > 1 else "its"
    return f" (the mean of {whose} weights{''.join(f' and those of {one}' for one in run.averaged)})"


def _measured(folder: str) -> str:
    """The scores of another model on development splits, from its card."""
    try:
        card = (Path(folder) / "README.md").read_text(encoding="utf-8")
    except OSError as error:
        raise MedlinkError(f"{folder}: holds no model card with scores ({error.strerror})") from None
    rows = card.partition("## Scores")[2].partition("## Limits")[0].splitlines()
    passed_over = ("| corpus |", "| --- |", "held out")
    scores = [row for row in rows if row.startswith("| ") and not any(words in row for words in passed_over)]
    return _MEASURED.format(measured=folder, scores="\n".join(scores))
