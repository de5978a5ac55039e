"""Masked-language training of the base encoder on the text at hand, before it learns any task (Gururangan et al., ACL
2020: domain-adaptive pre-training). Whole words are hidden, and the encoder learns to say them from what stands around.

Training writes a checkpoint after each epoch and goes on from it when started again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForMaskedLM

from medlink.errors import MedlinkError
from medlink.evaluation.marked import text_files
from medlink.formats.text import read_text
from medlink.inference.wordpiece import Pieces, WordPieceEncoder
from medlink.models import blank_pipeline
from medlink.training.base import base_folder, from_base, training_device
from medlink.training.corpus import read_split
from medlink.training.progress import Progress, with_bar
from medlink.training.settings import CorpusSettings, SourceSettings, read_section
from medlink.training.synonyms import read_concepts

log = logging.getLogger(__name__)

#: Of the hidden pieces, the share that reads ``[MASK]`` and the share that reads another piece (Devlin et al., 2019).
_MASKED, _SWAPPED = 0.8, 0.1


@dataclass(frozen=True, slots=True)
class PretrainingSettings:
    """Everything that decides a run of masked-language training.

    Arguments:
        base: As for :class:`medlink.training.settings.NerSettings`.
        texts: Folders of text files.
        corpora: Annotated corpora, of whose training splits the text is read, by name.
        sources: Terminologies, whose names and definitions are read, by name.
        window: Pieces read at once, without special tokens.
        hidden: Share of the words that are hidden.
        heldout: Share of the windows that are not trained on, to measure how well hidden words are said.
        epochs: Passes over the text.
        batch: Windows in a batch.
        learning_rate: Highest learning rate; it rises over ``warmup`` of the steps and falls linearly.
        warmup: Share of the steps, 0 to 1.
        weight_decay: AdamW's decay.
        precision: As for :class:`medlink.training.settings.NerSettings`.
        seed: Decides the order of the text and what is hidden.
    """

    base: str
    texts: list[str] = field(default_factory=list)
    corpora: dict[str, CorpusSettings] = field(default_factory=dict)
    sources: dict[str, SourceSettings] = field(default_factory=dict)
    window: int = 254
    hidden: float = 0.2
    heldout: float = 0.01
    epochs: int = 1
    batch: int = 16
    learning_rate: float = 3e-4
    warmup: float = 0.1
    weight_decay: float = 0.01
    precision: str = "fp32"
    seed: int = 0

    @classmethod
    def load(cls, path: str | Path) -> PretrainingSettings:
        """Read a spaCy-style config with the section ``[pretraining]`` and, in it, ``corpora.NAME`` and
        ``sources.NAME``.

        Raises:
            MedlinkError: The file is missing or does not hold these settings.
        """
        try:
            values = read_section(path, "pretraining")
            corpora = {name: CorpusSettings(**one) for name, one in values.pop("corpora", {}).items()}
            sources = {name: SourceSettings(**one) for name, one in values.pop("sources", {}).items()}
            return cls(corpora=corpora, sources=sources, **values)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MedlinkError(
                f"{path}: not a training config ({error}); see configs/pretraining.cfg for one"
            ) from None


def pretrain(settings: PretrainingSettings, folder: Path, threads: int = 0) -> Path:
    """Go on with the masked-language training of an encoder.

    Arguments:
        settings: What to read and how.
        folder: Where the checkpoint (``last.pt``), ``log.jsonl`` and the encoder (``model``) are kept.
        threads: CPU threads; 0 for PyTorch's default.

    Returns:
        The folder of the encoder, a Hugging Face model that configs can name as their ``base``.

    Raises:
        MedlinkError: A text or the base model cannot be read, or the folder holds a run with other settings.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    base = Path(base_folder(settings.base))
    model = from_base(AutoModelForMaskedLM, str(base))
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = WordPieceEncoder.load(base / "tokenizer.json")
    texts = tokenizer.encode(list(_texts(settings)))
    rng = np.random.default_rng(settings.seed)
    windows = list(_windows([texts[i] for i in rng.permutation(len(texts))], settings.window, tokenizer.end_id))
    if len(windows) < 2:
        raise MedlinkError("too little text to train on; name texts, corpora or sources in [pretraining]")
    kept = max(1, round(len(windows) * settings.heldout))
    heldout, windows = windows[:kept], windows[kept:]
    steps = settings.epochs * -(-len(windows) // settings.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    device = training_device()
    model.to(device)
    progress = Progress(folder, settings, model, optimizer, steps)
    state = progress.resume()
    seconds = state.get("seconds", 0.0)
    for epoch in range(state.get("epoch", 0), settings.epochs):
        began = time.monotonic()
        torch.manual_seed(settings.seed + epoch)
        rng = np.random.default_rng([settings.seed, epoch])
        model.train()
        order = rng.permutation(len(windows))
        batches = [order[i : i + settings.batch] for i in range(0, len(order), settings.batch)]
        total = 0.0
        for number, batch in enumerate(with_bar(batches, f"epoch {epoch + 1} of {settings.epochs}"), start=1):
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                loss = _loss(model, [windows[i] for i in batch], tokenizer, settings, rng, device)
            total += progress.step(loss)
            if number % 50 == 0:
                log.info("epoch %d: batch %d of %d, loss %.4f", epoch + 1, number, len(batches), total / number)
        seconds += time.monotonic() - began
        line = {"epoch": epoch + 1, "loss": total / len(batches), "seconds": round(seconds)}
        progress.write_log(line | {"heldout": _heldout_loss(model, heldout, tokenizer, settings, device)})
        progress.save(epoch=epoch + 1, seconds=seconds)
    model.to("cpu").base_model.save_pretrained(folder / "model")
    (folder / "model" / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
    return folder / "model"


def _texts(settings: PretrainingSettings) -> Iterator[list[str]]:
    """The words of each text."""
    tokenize = blank_pipeline().tokenizer
    for place in settings.texts:
        for file in text_files(place):
            yield [token.text for token in tokenize(read_text(file)) if not token.is_space]
    for corpus in settings.corpora.values():
        yield from (passage.words for passage in read_split(corpus, corpus.train))
    for source in settings.sources.values():
        for concept in read_concepts(source):
            names = "; ".join(dict.fromkeys([concept.name, *(alias.text for alias in concept.aliases)]))
            text = f"{names}: {concept.definition}" if concept.definition else names
            yield [token.text for token in tokenize(text) if not token.is_space]


def _windows(texts: Sequence[Pieces], size: int, end: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Windows of one length from the texts laid end to end: their pieces, and the number of the word of each."""
    if not texts:
        return
    ids = np.concatenate([np.append(text.ids, end) for text in texts])
    firsts = np.zeros(len(ids), dtype=np.int64)
    at = 0
    for text in texts:
        firsts[at + text.first[text.first >= 0]] = 1
        at += len(text.ids) + 1
        firsts[at - 1] = 1
    words = np.cumsum(firsts)
    for i in range(0, len(ids) - size + 1, size):
        yield ids[i : i + size], words[i : i + size] - words[i]


def _loss(
    model: Any,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    tokenizer: WordPieceEncoder,
    settings: PretrainingSettings,
    rng: np.random.Generator,
    device: torch.device,
) -> torch.Tensor:
    """How badly hidden words are said; the vocabulary is scored at their places alone."""
    ids = np.array([[tokenizer.start_id, *pieces, tokenizer.end_id] for pieces, _ in windows])
    hidden = np.zeros(ids.shape, dtype=bool)
    for row, (pieces, words) in enumerate(windows):
        chosen = rng.random(words[-1] + 1) < settings.hidden
        hidden[row, 1:-1] = chosen[words] & (pieces != tokenizer.end_id)
    hidden[0, 1] |= not hidden.any()
    truth = torch.from_numpy(ids[hidden]).to(device)
    fate = rng.random(ids.shape)
    swapped = hidden & (fate >= _MASKED) & (fate < _MASKED + _SWAPPED)
    ids[hidden & (fate < _MASKED)] = tokenizer.mask_id
    ids[swapped] = rng.integers(model.config.vocab_size, size=int(swapped.sum()))
    states = model.base_model(input_ids=torch.from_numpy(ids).to(device)).last_hidden_state
    logits = model.cls(states[torch.from_numpy(hidden).to(device)])
    return cross_entropy(logits.float(), truth)


@torch.no_grad()
def _heldout_loss(
    model: Any,
    windows: Sequence[tuple[np.ndarray, np.ndarray]],
    tokenizer: WordPieceEncoder,
    settings: PretrainingSettings,
    device: torch.device,
) -> float:
    """The mean loss on windows that were not trained on, with the same words hidden each time."""
    model.eval()
    rng = np.random.default_rng(settings.seed)
    parts = [windows[i : i + settings.batch] for i in range(0, len(windows), settings.batch)]
    losses = [float(_loss(model, part, tokenizer, settings, rng, device)) for part in parts]
    return float(np.mean(losses))
