"""What the training of a GLiNER model leaves behind: the ONNX model and its model card."""

from __future__ import annotations

from pathlib import Path

from medlink.evaluation.gliner import name_of, score_gliner_splits
from medlink.inference.gliner import GlinerModel
from medlink.training.cards import figures, made_with, table
from medlink.training.export_gliner import write_gliner
from medlink.training.gliner import GlinerRun

_CARD = """# Model card: medlink_gliner

A GLiNER model (Zaratiana et al., NAACL 2024; layers of the `gliner` library): it finds mentions of types that are named
in plain words, also of types that it was not trained on. Each word is scored as first, last and inner word of one.
Weights are int8 with a scale for each row; it computes in fp32.

| | |
|---|---|
| base model | {base} ({base_licence}) |
| parameters | {parameters:.1f} million |
| start | {start} |
| training | {epochs} epochs; batches of {batch} windows of {window} word pieces, at most {asked} labels each |
| learning rate | {learning_rate}, above the encoder {head_learning_rate} |
| weight of a mention's words | {positive_weight} |
| left out of training | {without} |
| seed | {seed} |
| time | {minutes:.0f} minutes |
{made_with}

## Data

Training splits only. {names} plain names for {labels} labels, one of each drawn for each window; {strangers} types
that no corpus holds are asked for now and then. A label that a corpus does not annotate is never asked for there.

{data}

## Scores

Strict: a mention is right only with the same offsets and label. Asked for up to eight labels at once, at the threshold
0.5, measured with the ONNX model in this folder.

{scores}

## Limits

English. The further a type is from those above, the worse it is found; look at what it finds before relying on it. It
says nothing about negation. Not a medical device; have a person check what is acted on.
"""


def save_gliner(run: GlinerRun, folder: Path) -> None:
    """Write the model (``model.onnx``, ``tokenizer.json``, ``gliner_config.json``) and its card (``README.md``).

    Arguments:
        run: The training run.
        folder: Where to. The same weights go into ``library`` beside it, as the ``gliner`` library keeps a model.
    """
    settings = run.settings
    start = settings.start_without if settings.without else settings.start
    write_gliner(run.model, folder, "int8")
    run.model.save_pretrained(folder.parent / "library", safe_serialization=True)
    scores = [
        [name, split, name_of(label, settings.phrases) if label != "micro" else "all", *figures(score)]
        for name, split, by_label in score_gliner_splits(GlinerModel.load(folder), settings)
        for label, score in by_label.items()
    ]
    card = _CARD.format(
        base=settings.base.removeprefix("package:"),
        base_licence=settings.base_licence,
        parameters=sum(p.numel() for p in run.model.model.parameters()) / 1e6,
        start=f"an earlier run ({start})" if start else "the base model",
        epochs=settings.epochs,
        batch=settings.batch,
        window=settings.window,
        asked=settings.asked,
        learning_rate=settings.learning_rate,
        head_learning_rate=settings.head_learning_rate,
        positive_weight=settings.positive_weight,
        without=", ".join(settings.without) or "nothing",
        seed=settings.seed,
        minutes=run.seconds / 60,
        made_with=made_with(run.machines),
        names=sum(map(len, settings.phrases.values())),
        labels=len(settings.phrases),
        strangers=len(settings.strangers),
        data=table(
            ["corpus", "read in an epoch", "licence", "sha256 of the training split"],
            [
                [name, f"{settings.shares.get(name, 1.0):.0%}", settings.corpora[name].licence, f"`{checksum}`"]
                for name, checksum in run.checksums.items()
            ],
        ),
        scores=table(["corpus", "split", "asked for", "precision", "recall", "F1", "gold"], scores),
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
