"""What the training of the cross-encoder leaves behind: the ONNX model and its model card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from medlink.training.cards import made_with, table
from medlink.training.crossencoder import CrossencoderRun
from medlink.training.export import export_onnx

_CARD = """# Model card: reranker of candidates

A cross-encoder: it reads a mention in its document together with all its candidates, and weighs each of them and NIL.
Weights and their products are int8, with a scale for each row and column.

| | |
|---|---|
| base model | {base} ({base_licence}) |
| parameters | {parameters:.1f} million, {layers} layers |
| reads | {candidates} candidates of {candidate} word pieces, {around} on each side of the mention |
| objective | softmax over NIL and all candidates of a mention, in random order |
| training | {epochs} epochs of {examples} mentions and {names} names, batches of {batch} |
| learning rate | {learning_rate} |
| mentions without their concept | {absent:.0%} |
| seed | {seed} |
| start | {start} |
| time | {minutes:.0f} minutes |
{made_with}

## Data

Names of the terminologies {sources}, and the mentions of training splits that looking names up does not settle.

{data}

## Scores

Development splits: the mentions that looking names up does not settle, each once a document.

{scores}

## Limits

English, abstracts of PubMed above all. It reads the nearest words only, and no more than {candidates} candidates: what
the retriever misses it cannot find.
"""


def save_crossencoder(run: CrossencoderRun, folder: Path) -> None:
    """Write the cross-encoder (``model.onnx``, ``tokenizer.json``, ``reranker.json``) and its card (``README.md``).

    Arguments:
        run: The training run.
        folder: Where to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = run.settings
    (folder / "model.onnx").write_bytes(export_onnx(run.model, "int8"))
    (folder / "tokenizer.json").write_text(run.tokenizer.to_str(), encoding="utf-8")
    (folder / "reranker.json").write_text(json.dumps(asdict(run.layout)) + "\n", encoding="utf-8")
    data = [[name, one.licence, run.checksums[name]] for name, one in settings.mentions.items()]
    keys = ("mentions", "first retrieved", "first reranked", "among those read")
    scores = [[name, *(f"{run.dev[name][key]:g}" for key in keys)] for name in settings.dev]
    card = _CARD.format(
        base=settings.base.removeprefix("package:"),
        base_licence=settings.base_licence,
        parameters=sum(p.numel() for p in run.model.parameters()) / 1e6,
        layers=run.model.encoder.config.num_hidden_layers,
        candidates=settings.candidates,
        candidate=settings.candidate,
        around=settings.around,
        epochs=settings.epochs,
        examples=f"{run.examples:,}",
        names=f"{settings.names:,}",
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        absent=settings.absent,
        seed=settings.seed,
        start=f"what an earlier run gave ({settings.start})" if settings.start else "the base model",
        minutes=run.seconds / 60,
        made_with=made_with(run.machines),
        sources=", ".join(settings.sources),
        data=table(["corpus", "licence", "sha256, first 16 digits"], data),
        scores=table(["corpus", *keys], scores),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
