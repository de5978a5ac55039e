"""What the training of the bi-encoder leaves behind: the ONNX model and its model card."""

from __future__ import annotations

import json
from pathlib import Path

from medlink.training.biencoder import BiencoderRun
from medlink.training.cards import made_with, table
from medlink.training.export import export_onnx

_CARD = """# Model card: encoder of names

A bi-encoder: it gives names of one meaning vectors that are near each other (mean over the word pieces). The linker
retrieves concepts with it. Weights and their products are int8, with a scale for each row and column.

| | |
|---|---|
| base model | {base} ({base_licence}) |
| parameters | {parameters:.1f} million |
| dimensions | {dimensions} shipped; trained at {trained} |
| longest name | {longest} word pieces |
| objective | {loss}, in batches of neighbouring concepts |
| training | {rounds} rounds of {steps} steps, {seeds} concepts and {neighbours} neighbours of each a step |
| learning rate | {learning_rate} |
| varied names | {varied:.0%}; definitions in place of a name {definitions:.0%} |
| seed | {seed} |
| start | {start} |
| time | {minutes:.0f} minutes |
{made_with}

## Data

{groups} meanings with {names} names. Development splits gave the scores, test splits were not read.

{data}

## Scores

Gold mentions with the abbreviations that their documents define written out; the nearest name decides.

{scores}

## Limits

English. Names of diseases and findings above all; drugs less, procedures, genes and anatomy hardly. It knows no
context: of names with two meanings it cannot tell which is meant.
"""


def save_biencoder(run: BiencoderRun, folder: Path, dimensions: int = 0) -> None:
    """Write the encoder (``model.onnx``, ``tokenizer.json``, ``encoder.json``) and its card (``README.md``).

    Arguments:
        run: The training run.
        folder: Where to.
        dimensions: Length at which vectors are cut; 0 for the shortest that was trained.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = run.settings
    length = dimensions or min(settings.dimensions)
    (folder / "model.onnx").write_bytes(export_onnx(run.model, "int8"))
    (folder / "tokenizer.json").write_text(run.tokenizer.to_str(), encoding="utf-8")
    layout = {"dimensions": length, "longest": settings.longest, "pooling": "mean"}
    (folder / "encoder.json").write_text(json.dumps(layout) + "\n", encoding="utf-8")
    licences = {name: one.licence for name, one in settings.sources.items()}
    licences |= {f"{name} (mentions)": one.licence for name, one in settings.mentions.items()}
    data = [[name, licence, run.checksums[name] or "carried by its package"] for name, licence in licences.items()]
    scores = [[name, *(f"{run.dev[name][key]:.4f}" for key in ("accuracy@1", "recall@25"))] for name in settings.dev]
    card = _CARD.format(
        base=settings.base.removeprefix("package:"),
        base_licence=settings.base_licence,
        parameters=sum(p.numel() for p in run.model.parameters()) / 1e6,
        dimensions=length,
        trained=", ".join(map(str, settings.dimensions)),
        longest=settings.longest,
        loss=settings.loss,
        rounds=settings.rounds,
        steps=settings.steps,
        seeds=settings.seeds,
        neighbours=settings.neighbours,
        learning_rate=settings.learning_rate,
        varied=settings.varied,
        definitions=settings.definitions,
        seed=settings.seed,
        start=f"what an earlier run gave ({settings.start})" if settings.start else "the base model",
        minutes=run.seconds / 60,
        made_with=made_with(run.machines),
        groups=f"{run.groups:,}",
        names=f"{run.names:,}",
        data=table(["source", "licence", "sha256, first 16 digits"], data),
        scores=table(["corpus", "accuracy@1", "recall@25"], scores),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
