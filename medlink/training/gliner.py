"""Training of a GLiNER model: the ``gliner`` library's network, on corpora whose labels are given varied plain names.

Each window of text is asked for some of the labels that its corpus annotates, each by one of its names, in any order,
and now and then for types that no corpus holds. Labels that a corpus does not annotate are never asked for there.
Training writes a checkpoint after each epoch and goes on from it when started again.
"""

from __future__ import annotations

import json
import logging
import pickle
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gliner import GLiNER
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from medlink.errors import MedlinkError
from medlink.evaluation.gliner import name_of, score_gliner
from medlink.inference.gliner import GlinerLayout, GlinerModel
from medlink.inference.gliner_torch import TorchGraph
from medlink.inference.windows import cut_windows
from medlink.inference.wordpiece import WordPieceEncoder
from medlink.recognition.tags import INSIDE, tags_to_spans
from medlink.training.base import base_folder, training_device
from medlink.training.corpus import Passage, checksum_of, draw, epoch_sizes, read_split
from medlink.training.progress import Progress, with_bar
from medlink.training.settings import GlinerSettings
from medlink.training.start import read_state

log = logging.getLogger(__name__)

# How often a label is asked for in a window: where it occurs, where it does not, and a type that no corpus holds.
_PRESENT, _ABSENT, _STRANGE = 0.9, 0.4, 0.15
# How many types of other sentences a sentence with types of its own is asked for.
_OTHERS = 3
_FIRST, _LAST, _INSIDE = 0, 1, 2
_SENTENCE_ENDS = frozenset(".!?;")


@dataclass(slots=True)
class _Sample:
    words: list[str]
    tags: dict[str, np.ndarray]  # by label the O, B or I of each word


@dataclass(slots=True)
class GlinerRun:
    """What a training run leaves: the model and what the model card needs."""

    model: Any
    settings: GlinerSettings
    checksums: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    machines: list[str] = field(default_factory=list)


def new_gliner(settings: GlinerSettings) -> Any:
    """A GLiNER model of the library with the base encoder, its own layers untrained."""
    folder = base_folder(settings.base)
    model = GLiNER.from_config(
        {
            "model_name": folder,
            "span_mode": "token_level",
            "hidden_size": settings.hidden_size,
            "num_rnn_layers": 0,
            "max_len": settings.window,
            "dropout": settings.dropout,
            "medlink_words": "tokens",
        },
        local_files_only=True,
    )
    if start := settings.start_without if settings.without else settings.start:
        _start(model.model, start)
    for module in model.model.token_rep_layer.modules():
        if isinstance(module, nn.Dropout):
            module.p = settings.dropout
    # The weights come with the model, so that it says nothing of the folder it was made from.
    model.config.model_name = Path(folder).name
    return model


def _start(module: Any, trained: str) -> None:
    """Take the encoder of an exported model or of a checkpoint of the bi-encoder, or all of a checkpoint of GLiNER."""
    try:
        state = read_state(trained)["model"]
        if state.keys() == module.state_dict().keys():
            module.load_state_dict(state)
            return
        encoder: Any = module.token_rep_layer.bert_layer.model
        known = encoder.state_dict()
        for name, value in state.items():
            name = name.removeprefix("encoder.")
            if name in known:
                known[name][: len(value)] = value  # GLiNER's two tokens come after all others
        encoder.load_state_dict(known)
    except (OSError, KeyError, RuntimeError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0]
        raise MedlinkError(f"{trained}: not an encoder of this base ({first})") from None


def inference_model(model: Any) -> GlinerModel:
    """A model of the library as medlink runs it."""
    tokenizer = model.data_processor.transformer_tokenizer.backend_tokenizer.to_str()
    layout = GlinerLayout.read(json.dumps(model.config.to_dict(), default=str), "the model")
    return GlinerModel(TorchGraph(model.model), WordPieceEncoder.from_str(tokenizer), layout, {})


def train_gliner(settings: GlinerSettings, folder: Path, threads: int = 0) -> GlinerRun:
    """Train a GLiNER model, or go on with a training that was cut off.

    Arguments:
        settings: What to train on and how.
        folder: Where the checkpoint (``last.pt``) and ``log.jsonl`` are kept.
        threads: CPU threads; 0 for PyTorch's default.

    Returns:
        The model after the last epoch.

    Raises:
        MedlinkError: A corpus or the base model cannot be read, or the folder holds a run with other settings.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    model = new_gliner(settings)
    folder.mkdir(parents=True, exist_ok=True)
    reader = inference_model(model)
    run = GlinerRun(model, settings)
    samples: dict[str, list[_Sample]] = {}
    dev: dict[str, list[Passage]] = {}
    for name, corpus in settings.corpora.items():
        if name not in settings.without:
            passages = [_seen(one, settings) for one in read_split(corpus, corpus.train)]
            samples[name] = list(_samples([one for one in passages if one.tags], reader.encoder, settings.window))
            run.checksums[name] = checksum_of(corpus.train)
        if corpus.dev:
            dev[name] = list(read_split(corpus, corpus.dev))[: settings.dev_passages]
    known = {label for of in samples.values() for sample in of for label in sample.tags}
    open_types = sorted(known - settings.phrases.keys())
    sizes = epoch_sizes(samples, settings.shares)
    steps = settings.epochs * -(-sum(sizes.values()) // settings.batch)
    encoder, rest = _parameters(model.model)
    optimizer = torch.optim.AdamW(
        [{"params": encoder, "lr": settings.learning_rate}, {"params": rest, "lr": settings.head_learning_rate}],
        weight_decay=settings.weight_decay,
    )
    device = training_device()
    model.model.to(device)
    progress = Progress(folder, settings, model.model, optimizer, steps)
    state = progress.resume()
    run.seconds = state.get("seconds", 0.0)
    for epoch in range(state.get("epoch", 0), settings.epochs):
        began = time.monotonic()
        torch.manual_seed(settings.seed + epoch)
        rng = np.random.default_rng([settings.seed, epoch])
        model.model.train()
        drawn = draw(samples, sizes, rng)
        if settings.short:
            drawn = [_cut(one, rng) if rng.random() < settings.short else one for one in drawn]
        batches = list(_batches(drawn, settings.batch, rng))
        total = 0.0
        for number, batch in enumerate(with_bar(batches, f"epoch {epoch + 1} of {settings.epochs}"), start=1):
            inputs, targets, counts = _collate(batch, reader, settings, open_types, rng)
            tensors = {key: torch.from_numpy(value).to(device) for key, value in inputs.items()}
            with torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
                logits = model.model(**tensors).logits.float()
            loss = _loss(logits, targets.to(device), counts.to(device), settings.positive_weight)
            total += progress.step(loss)
            if number % 50 == 0:
                log.info("epoch %d: batch %d of %d, loss %.4f", epoch + 1, number, len(batches), total / number)
        run.seconds += time.monotonic() - began
        scores = {name: score_gliner(reader, passages, settings.phrases) for name, passages in dev.items()}
        line = {"epoch": epoch + 1, "loss": total / len(batches), "seconds": round(run.seconds)}
        progress.write_log(line | {name: round(of["micro"].f1, 4) for name, of in scores.items()})
        progress.save(epoch=epoch + 1, seconds=run.seconds)
    model.model.to("cpu").eval()
    run.machines = progress.machines
    return run


def _parameters(module: Any) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """The parameters of the encoder, and those of the layers above it."""
    encoder = list(module.token_rep_layer.parameters())
    known = {id(parameter) for parameter in encoder}
    return encoder, [parameter for parameter in module.parameters() if id(parameter) not in known]


def _seen(passage: Passage, settings: GlinerSettings) -> Passage:
    """A passage without the types of corpora that are left out, which no other corpus shall teach."""
    return Passage(passage.words, {label: tags for label, tags in passage.tags.items() if settings.is_seen(label)})


def _samples(passages: Sequence[Passage], encoder: WordPieceEncoder, window: int) -> Iterator[_Sample]:
    for passage, pieces in zip(passages, encoder.encode([p.words for p in passages]), strict=True):
        for one in cut_windows(len(pieces.ids), window, 0):
            words = np.flatnonzero((pieces.first >= one.start) & (pieces.first < one.end))
            if len(words):
                yield _Sample(
                    [passage.words[i] for i in words], {label: tags[words] for label, tags in passage.tags.items()}
                )


def _cut(sample: _Sample, rng: np.random.Generator) -> _Sample:
    """A sentence or two of a window, and all of it where none ends between its mentions."""
    cuts = [
        i
        for i, word in enumerate(sample.words[:-1], start=1)
        if word in _SENTENCE_ENDS and all(tags[i] != INSIDE for tags in sample.tags.values())
    ]
    cuts = [0, *cuts, len(sample.words)]
    at = int(rng.integers(len(cuts) - 1))
    start, end = cuts[at], cuts[min(at + int(rng.integers(1, 3)), len(cuts) - 1)]
    return _Sample(sample.words[start:end], {label: tags[start:end] for label, tags in sample.tags.items()})


def _batches(samples: list[_Sample], size: int, rng: np.random.Generator) -> Iterator[list[_Sample]]:
    """Shuffled batches of samples of like length, so that little is padded."""
    order = sorted(rng.permutation(len(samples)), key=lambda i: len(samples[i].words) // 20)
    parts = [order[i : i + size] for i in range(0, len(order), size)]
    for i in rng.permutation(len(parts)):
        yield [samples[k] for k in parts[i]]


def _ask(
    sample: _Sample, settings: GlinerSettings, open_types: Sequence[str], rng: np.random.Generator
) -> list[tuple[str, str]]:
    """What a sample is asked for: pairs of a label ("" for a type that it does not hold) and its name."""
    asked = []
    for label, tags in sample.tags.items():
        if rng.random() < (_PRESENT if tags.any() else _ABSENT):
            names = settings.phrases.get(label, [label])
            asked.append((label, names[rng.integers(len(names))]))
    if sample.tags.keys() & settings.phrases.keys():
        asked += [("", name) for name in settings.strangers if rng.random() < _STRANGE]
    elif all(tags.any() for tags in sample.tags.values()):
        own = {word for label in sample.tags for word in label.split()}
        others = [open_types[i] for i in rng.permutation(len(open_types))[:_OTHERS]]
        asked += [("", name) for name in others if not own & set(name.split())]
    if not asked:
        label = sorted(sample.tags)[rng.integers(len(sample.tags))]
        asked.append((label, name_of(label, settings.phrases)))
    return [asked[i] for i in rng.permutation(len(asked))[: settings.asked]]


def _collate(
    samples: Sequence[_Sample],
    reader: GlinerModel,
    settings: GlinerSettings,
    open_types: Sequence[str],
    rng: np.random.Generator,
) -> tuple[dict[str, np.ndarray], torch.Tensor, torch.Tensor]:
    """The inputs of a batch, its targets (batch, words, labels, 3), and how many labels each sample was asked for."""
    asked = [_ask(sample, settings, open_types, rng) for sample in samples]
    inputs = reader.inputs([sample.words for sample in samples], [[name for _, name in of] for of in asked])
    counts = np.array([len(of) for of in asked])
    targets = np.zeros((len(samples), int(inputs["text_lengths"].max()), counts.max(), 3), dtype=np.float32)
    for row, (sample, of) in enumerate(zip(samples, asked, strict=True)):
        for column, (label, _) in enumerate(of):
            for start, end in tags_to_spans(sample.tags[label]) if label else ():
                targets[row, start, column, _FIRST] = 1
                targets[row, end - 1, column, _LAST] = 1
                targets[row, start:end, column, _INSIDE] = 1
    return inputs, torch.from_numpy(targets), torch.from_numpy(counts)


def _loss(logits: torch.Tensor, targets: torch.Tensor, counts: torch.Tensor, positive: float) -> torch.Tensor:
    """Cross entropy of the labels that were asked for, summed over them, a mean over samples' words."""
    weight = torch.tensor(positive, device=logits.device)
    losses = binary_cross_entropy_with_logits(logits, targets, reduction="none", pos_weight=weight).sum((1, 3))
    asked = torch.arange(logits.shape[2], device=counts.device)[None, :] < counts[:, None]
    return (losses * asked).sum() / (targets.shape[0] * targets.shape[1])
