"""Settings of training runs, read from spaCy-style configs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confection import Config

from medlink.errors import MedlinkError


@dataclass(frozen=True, slots=True)
class CorpusSettings:
    """One corpus.

    Arguments:
        format: ``"pubtator"`` or ``"iob"``.
        train: Path of the training split.
        dev: Path of the development split.
        labels: From the corpus' types to medlink's labels.
        licence: Licence of the corpus, for the model card.
    """

    format: str
    train: str
    dev: str
    labels: dict[str, str]
    licence: str


@dataclass(frozen=True, slots=True)
class NerSettings:
    """Everything that decides a training run.

    Arguments:
        base: Folder of the Hugging Face encoder to start from, or its name on the hub.
        base_licence: Licence of that encoder, for the model card.
        labels: Labels to learn, in the order of the output.
        corpora: The corpora by name.
        window: Pieces read at once, without special tokens.
        overlap: Pieces shared by neighbouring windows.
        epochs: Passes over all corpora.
        batch: Windows in a batch.
        learning_rate: Highest learning rate of the encoder; it rises over ``warmup`` of the steps and falls linearly.
        head_learning_rate: Likewise, of the heads.
        warmup: Share of the steps, 0 to 1.
        weight_decay: AdamW's decay.
        dropout: Dropout before the heads and in the encoder. The attention weights get none: it would
            more than double the time of a step on a CPU.
        hidden_pieces: Share of the word pieces that are replaced by ``[MASK]``, so that mentions are also
            learnt from what stands around them.
        start: Checkpoint (``best.pt``) of an earlier run with the same labels and base to go on from; empty
            to start from the base model.
        seed: Decides initial weights and the order of the windows.
    """

    base: str
    base_licence: str
    labels: list[str]
    corpora: dict[str, CorpusSettings]
    window: int = 382
    overlap: int = 64
    epochs: int = 10
    batch: int = 8
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    warmup: float = 0.1
    weight_decay: float = 0.01
    dropout: float = 0.1
    hidden_pieces: float = 0.0
    start: str = ""
    seed: int = 0

    @classmethod
    def load(cls, path: str | Path) -> NerSettings:
        """Read a spaCy-style config with the sections ``[ner]`` and ``[ner.corpora.NAME]``.

        Raises:
            MedlinkError: The file is missing or does not hold these settings.
        """
        try:
            values: dict[str, Any] = Config().from_disk(path)["ner"]
            corpora = {name: CorpusSettings(**corpus) for name, corpus in values.pop("corpora").items()}
            return cls(corpora=corpora, **values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MedlinkError(f"{path}: not a training config ({error}); see configs/ner.cfg for one") from None
