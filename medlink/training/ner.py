"""Training of the token classifier: a transformer with one O/B/I head per label, on several corpora at once.

A label that a corpus does not annotate is left out of the loss there, so that BC5CDR does not teach that
anatomy never occurs. Training writes a checkpoint after each epoch and goes on from it when started again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from medlink.evaluation.ner import Scores, score_spans
from medlink.inference.windows import cut_windows
from medlink.inference.wordpiece import Pieces, WordPieceEncoder
from medlink.recognition.tags import BEGIN, OUTSIDE, UNKNOWN, decode, tags_to_spans
from medlink.training.adversarial import perturbed
from medlink.training.base import load_base, load_weights, training_device
from medlink.training.corpus import Passage, checksum_of, draw, epoch_sizes, read_split
from medlink.training.distillation import disagreement, opinion
from medlink.training.progress import Progress, with_bar
from medlink.training.settings import NerSettings
from medlink.training.start import start_from_mean, start_from_model

log = logging.getLogger(__name__)


class TokenClassifier(nn.Module):
    """A transformer encoder and a linear layer that tags each piece.

    Arguments:
        encoder: A Hugging Face encoder.
        labels: Number of labels; three outputs (O, B, I) for each.
        dropout: Dropout before the linear layer.
    """

    def __init__(self, encoder: Any, labels: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.config.hidden_size, labels * 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Tag pieces: two (batch, pieces) tensors in, (batch, pieces, labels * 3) logits out."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return torch.as_tensor(self.head(self.dropout(hidden)))


@dataclass(slots=True)
class _Sample:
    ids: np.ndarray
    targets: np.ndarray  # (pieces, labels), UNKNOWN where nothing is learnt
    words: np.ndarray  # positions of the words' first pieces, which alone are tagged
    mentions: np.ndarray  # (pieces,), the number of the mention that a piece is of, 0 for none
    taught: torch.Tensor | None = None  # (pieces, labels, 3), what the teachers hold


def _samples(passages: Sequence[Passage], encoder: WordPieceEncoder, settings: NerSettings) -> Iterator[_Sample]:
    for passage, pieces in zip(passages, encoder.encode([p.words for p in passages]), strict=True):
        targets = np.full((len(pieces.ids), len(settings.labels)), UNKNOWN, dtype=np.int64)
        words = np.flatnonzero(pieces.first >= 0)
        first = pieces.first[words]
        for column, label in enumerate(settings.labels):
            if label in passage.tags:
                targets[first, column] = passage.tags[label][words]
        for window in cut_windows(len(pieces.ids), settings.window, settings.overlap):
            own = np.full((window.end - window.start, len(settings.labels)), UNKNOWN, dtype=np.int64)
            owned = slice(window.owned_start - window.start, window.owned_end - window.start)
            own[owned] = targets[window.owned_start : window.owned_end]
            tagged = first[(first >= window.owned_start) & (first < window.owned_end)] - window.start
            yield _Sample(pieces.ids[window.start : window.end], own, tagged, _mentions(own, tagged))


def _mentions(targets: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Which mention each piece is of, counted from 1; one that begins inside another counts as the next."""
    tags = targets[words]
    of_words = np.cumsum((tags == BEGIN).any(1)) * (tags > OUTSIDE).any(1)
    mentions = np.zeros(len(targets), dtype=np.int64)
    if len(words):
        mentions[words[0] :] = np.repeat(of_words, np.diff(words, append=len(targets)))
    return mentions


def _collate(samples: Sequence[_Sample], encoder: WordPieceEncoder) -> tuple[torch.Tensor, ...]:
    """Pieces, mask, targets, what the teachers hold (empty without teachers) and mentions of a batch."""
    length = max(len(sample.ids) for sample in samples) + 2
    ids = np.zeros((len(samples), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    targets = np.full((len(samples), length, samples[0].targets.shape[1]), UNKNOWN, dtype=np.int64)
    taught = torch.zeros((*targets.shape, 3) if samples[0].taught is not None else 0)
    mentions = np.zeros_like(ids)
    for row, sample in enumerate(samples):
        n = len(sample.ids)
        ids[row, : n + 2] = [encoder.start_id, *sample.ids, encoder.end_id]
        mask[row, : n + 2] = 1
        targets[row, 1 : n + 1] = sample.targets
        mentions[row, 1 : n + 1] = sample.mentions
        if sample.taught is not None:
            taught[row, 1 : n + 1] = sample.taught
    return torch.from_numpy(ids), torch.from_numpy(mask), torch.from_numpy(targets), taught, torch.from_numpy(mentions)


def _batches(samples: Sequence[_Sample], size: int, rng: np.random.Generator) -> list[list[_Sample]]:
    """Shuffled batches of windows of like length, so that little is padded."""
    order = rng.permutation(len(samples))
    stretch = size * 25
    batches: list[list[_Sample]] = []
    for i in range(0, len(order), stretch):
        part = sorted(order[i : i + stretch], key=lambda k: len(samples[k].ids))
        batches += [[samples[k] for k in part[j : j + size]] for j in range(0, len(part), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


@dataclass(slots=True)
class NerRun:
    """What a training run leaves: the model, its tokenizer and what the model card needs.

    ``seeds`` has one seed, or those of the runs that the model is the mean of, and ``averaged`` the exported models
    that it is the mean of besides.
    """

    model: TokenClassifier
    tokenizer: WordPieceEncoder
    settings: NerSettings
    seeds: tuple[int, ...]
    dev: dict[str, dict[str, Scores]] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    best_epoch: int = 0
    seconds: float = 0.0
    machines: list[str] = field(default_factory=list)
    averaged: list[str] = field(default_factory=list)


def new_run(settings: NerSettings) -> NerRun:
    """A run before its first step: the classifier on its base, with checksums of the corpora.

    Raises:
        MedlinkError: A corpus or the base model cannot be read.
    """
    encoder, tokenizer = load_base(settings.base, settings.dropout)
    model = TokenClassifier(encoder, len(settings.labels), settings.dropout)
    checksums = {name: checksum_of(corpus.train) for name, corpus in settings.corpora.items()}
    return NerRun(model, tokenizer, settings, (settings.seed,), checksums=checksums)


def train_ner(settings: NerSettings, folder: Path, threads: int = 0) -> NerRun:
    """Train the token classifier, or go on with a training that was cut off.

    Arguments:
        settings: What to train on and how.
        folder: Where checkpoints (``last.pt``, ``best.pt``) and ``log.jsonl`` are kept.
        threads: CPU threads; 0 for PyTorch's default.

    Returns:
        The model of the epoch with the best mean F1 over the corpora's development splits, or of the last.

    Raises:
        MedlinkError: A corpus or the base model cannot be read, or the folder holds a run with other settings.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    run = new_run(settings)
    folder.mkdir(parents=True, exist_ok=True)
    model, tokenizer = run.model, run.tokenizer
    if isinstance(settings.start, list):
        start_from_mean(model, settings.labels, settings.start)
    elif settings.start and Path(settings.start).is_dir():
        start_from_model(model, settings.labels, settings.start)
    elif settings.start:
        load_weights(model, settings.start, optional="head.")
    samples: dict[str, list[_Sample]] = {}
    dev: dict[str, list[Passage]] = {}
    for name, corpus in settings.corpora.items():
        passages = list(read_split(corpus, corpus.train))
        samples[name] = list(_samples(passages, tokenizer, settings))
        if corpus.dev:
            passages = list(read_split(corpus, corpus.dev))
            dev[name] = passages[: settings.dev_passages or None]
    sizes = epoch_sizes(samples, settings.shares)
    steps = settings.epochs * -(-sum(sizes.values()) // settings.batch)
    head = list(model.head.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": list(model.encoder.parameters()), "lr": settings.learning_rate},
            {"params": head, "lr": settings.head_learning_rate},
        ],
        weight_decay=settings.weight_decay,
    )
    words = model.encoder.get_input_embeddings().weight
    device = training_device()
    model.to(device)
    teachers = [_teacher(folder, settings, device) for folder in settings.teachers]
    best_file = folder / "best.pt"
    progress = Progress(folder, settings, model, optimizer, steps)
    state = progress.resume()
    first_epoch, best = state.get("epoch", 0), state.get("best", -1.0)
    run.seconds, run.best_epoch = state.get("seconds", 0.0), state.get("best_epoch", 0)
    for epoch in range(first_epoch, settings.epochs):
        began = time.monotonic()
        torch.manual_seed(settings.seed + epoch)
        model.train()
        total = 0.0
        rng = np.random.default_rng([settings.seed, epoch])
        drawn = draw(samples, sizes, rng)
        if teachers:
            _teach(teachers, drawn, tokenizer, settings)
        batches = _batches(drawn, settings.batch, rng)
        for number, batch in enumerate(with_bar(batches, f"epoch {epoch + 1} of {settings.epochs}"), start=1):
            ids, mask, targets, taught, mentions = (tensor.to(device) for tensor in _collate(batch, tokenizer))
            learnt = taught.any(-1).any(-1) if settings.teachers else (targets != UNKNOWN).any(-1)
            ids = _hide(ids, learnt, mentions, settings, tokenizer.mask_id)
            loss_now = partial(_loss, model, ids, mask, targets, taught, learnt, settings)
            further = partial(_perturb, words, settings.adversarial, loss_now) if settings.adversarial else None
            total += progress.step(loss_now(), further)
            if number % 50 == 0:
                log.info("epoch %d: batch %d of %d, loss %.4f", epoch + 1, number, len(batches), total / number)
        line = {"epoch": epoch + 1, "loss": total / len(batches)}
        mean = best
        if settings.keep == "best":
            scores = {name: evaluate(model, tokenizer, passages, settings) for name, passages in dev.items()}
            mean = float(np.mean([by_label["micro"].f1 for by_label in scores.values()]))
            line |= {"mean_f1": mean} | {name: round(of["micro"].f1, 4) for name, of in scores.items()}
        run.seconds += time.monotonic() - began
        progress.write_log(line | {"seconds": round(run.seconds)})
        if mean > best or settings.keep == "last":
            best, run.best_epoch = mean, epoch + 1
            torch.save(model.state_dict(), best_file)
        progress.save(epoch=epoch + 1, best=best, best_epoch=run.best_epoch, seconds=run.seconds)
    model.load_state_dict(torch.load(best_file, map_location=device, weights_only=True))
    run.dev = {name: evaluate(model, tokenizer, passages, settings) for name, passages in dev.items()}
    model.to("cpu").eval()
    run.machines = progress.machines
    return run


def _hide(
    ids: torch.Tensor, learnt: torch.Tensor, mentions: torch.Tensor, settings: NerSettings, mask_id: int
) -> torch.Tensor:
    """Pieces with some of those that are learnt, and some of the mentions whole, replaced by ``[MASK]``."""
    hidden = (torch.rand(ids.shape, device=ids.device) < settings.hidden_pieces) & learnt
    # One number for each mention of a text, that of all its pieces.
    of_mentions = torch.rand(ids.shape, device=ids.device).gather(1, mentions)
    hidden |= (of_mentions < settings.hidden_mentions) & (mentions > 0)
    return ids.masked_fill(hidden, mask_id)


def _loss(
    model: TokenClassifier,
    ids: torch.Tensor,
    mask: torch.Tensor,
    targets: torch.Tensor,
    taught: torch.Tensor,
    learnt: torch.Tensor,
    settings: NerSettings,
) -> torch.Tensor:
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
        logits = model(ids, mask).float().unflatten(-1, (-1, 3))
    known = targets != UNKNOWN
    # Summed, since a batch may hold no annotation at all.
    annotated = nn.functional.cross_entropy(logits[known], targets[known], reduction="sum") / known.sum().clamp_min(1)
    if not settings.teachers:
        return annotated
    return (1 - settings.taught) * annotated + settings.taught * disagreement(logits, taught, learnt)


def _teacher(folder: str, settings: NerSettings, device: torch.device) -> TokenClassifier:
    model = TokenClassifier(load_base(settings.base, 0.0)[0], len(settings.labels), 0.0)
    start_from_model(model, settings.labels, folder)
    model.to(device).eval()
    return model


def _teach(
    teachers: Sequence[TokenClassifier], samples: Sequence[_Sample], tokenizer: WordPieceEncoder, settings: NerSettings
) -> None:
    """Ask the teachers about the words of samples that they have not been asked about."""
    new = list({id(sample): sample for sample in samples if sample.taught is None}.values())
    log.info("asking %d models about %d windows", len(teachers), len(new))
    device = next(teachers[0].parameters()).device
    new.sort(key=lambda sample: len(sample.ids))
    for at in range(0, len(new), settings.batch):
        part = new[at : at + settings.batch]
        ids, mask = (tensor.to(device) for tensor in _collate(part, tokenizer)[:2])
        for sample, held in zip(part, opinion(teachers, ids, mask, settings.precision == "bf16"), strict=True):
            sample.taught = torch.zeros_like(held[: len(sample.ids)])
            sample.taught[sample.words] = held[1:][sample.words]  # behind the special token before the window


def _perturb(words: nn.Parameter, size: float, loss: Callable[[], torch.Tensor]) -> None:
    with perturbed(words, size):
        loss().backward()


@torch.no_grad()
def evaluate(
    model: TokenClassifier, tokenizer: WordPieceEncoder, passages: Sequence[Passage], settings: NerSettings
) -> dict[str, Scores]:
    """Score a model on passages: strict F1 by label and over all labels (``"micro"``)."""
    model.eval()
    device = next(model.parameters()).device
    gold: list[set[tuple[str, int, int]]] = []
    predicted: list[set[tuple[str, int, int]]] = []
    for passage, pieces in zip(passages, tokenizer.encode([p.words for p in passages]), strict=True):
        tags = _predict(model, tokenizer, pieces, settings, device)
        gold.append({(label, *span) for label in passage.tags for span in passage.spans(label)})
        predicted.append(
            {
                (label, *span)
                for column, label in enumerate(settings.labels)
                if label in passage.tags
                for span in tags_to_spans(tags[:, column])
            }
        )
    return score_spans(gold, predicted)


def _predict(
    model: TokenClassifier, tokenizer: WordPieceEncoder, pieces: Pieces, settings: NerSettings, device: torch.device
) -> np.ndarray:
    outputs = np.zeros((len(pieces.ids), len(settings.labels), 3), dtype=np.float32)
    for window in cut_windows(len(pieces.ids), settings.window, settings.overlap):
        ids = [tokenizer.start_id, *pieces.ids[window.start : window.end].tolist(), tokenizer.end_id]
        batch = torch.tensor([ids], device=device)
        logits = model(batch, torch.ones_like(batch))[0, 1:-1].reshape(-1, len(settings.labels), 3)
        owned = slice(window.owned_start - window.start, window.owned_end - window.start)
        outputs[window.owned_start : window.owned_end] = logits.cpu().numpy()[owned]
    words = np.zeros((len(pieces.first), len(settings.labels)), dtype=np.int64)
    known = pieces.first >= 0
    words[known] = decode(outputs[pieces.first[known]])
    return words
