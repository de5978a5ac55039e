"""Training of the cross-encoder: mentions read with the candidates that the retriever finds, and NIL among them.

Listwise: the softmax over NIL and all candidates of a mention, hard ones since the retriever took them for the mention
(ClinLinker, Gallego et al. 2024). Candidates are shuffled, so that their order tells nothing. For a share of the
mentions the right concept is taken away, and NIL is right. Training writes a checkpoint after each epoch and goes on
from it when started again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import nn

from medlink.evaluation.linking import GoldMention, read_gold
from medlink.inference.names import load_name_encoder
from medlink.inference.wordpiece import WordPieceEncoder
from medlink.linking.evidence import Evidence
from medlink.linking.linker import Linker, expand_queries
from medlink.linking.model import LinkModel
from medlink.linking.reranker import Layout, build_input, candidate_parts, candidate_text
from medlink.linking.stages import Query
from medlink.terminology.store import Terminology
from medlink.terminology.words import stems_of
from medlink.training.base import load_base, load_weights, training_device
from medlink.training.corpus import checksum_of
from medlink.training.progress import Progress
from medlink.training.settings import CrossencoderSettings
from medlink.training.synonyms import read_concepts
from medlink.training.variants import vary

log = logging.getLogger(__name__)

# Names of a terminology that are looked through for the candidates of one of them.
_NAMES_NEAR = 80
_VARIED = 0.3


class CrossEncoder(nn.Module):
    """A transformer encoder and a linear layer that scores each piece.

    Arguments:
        encoder: A Hugging Face encoder.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, 1)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Score pieces: two (batch, pieces) tensors in, (batch, pieces, 1) out."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return torch.as_tensor(self.head(hidden))


@dataclass(frozen=True, slots=True)
class Example:
    """A mention with its candidates: what is read of each, and which are right."""

    query: Query
    candidates: tuple[str, ...]
    right: tuple[bool, ...]


@dataclass(slots=True)
class CrossencoderRun:
    """What a training run leaves: the model, its tokenizer and what the model card needs."""

    model: CrossEncoder
    tokenizer: WordPieceEncoder
    settings: CrossencoderSettings
    dev: dict[str, dict[str, float]] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    examples: int = 0
    seconds: float = 0.0
    machines: list[str] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        """How much the model reads."""
        s = self.settings
        return Layout(candidates=s.candidates, around=s.around, candidate=s.candidate)


def train_crossencoder(settings: CrossencoderSettings, folder: Path, threads: int = 0) -> CrossencoderRun:
    """Train the cross-encoder, or go on with a training that was cut off.

    Arguments:
        settings: What to train on and how.
        folder: Where the checkpoint (``last.pt``) and ``log.jsonl`` are kept.
        threads: CPU threads; 0 for PyTorch's default.

    Returns:
        The model of the last epoch, with its accuracy on the development corpora.

    Raises:
        MedlinkError: Something named in the settings cannot be read, or the folder holds a run with other settings.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    encoder, tokenizer = load_base(settings.base, 0.0)
    folder.mkdir(parents=True, exist_ok=True)
    model = CrossEncoder(encoder)
    if settings.layers:
        encoder.encoder.layer = encoder.encoder.layer[: settings.layers]
        encoder.config.num_hidden_layers = settings.layers
    if settings.start:
        load_weights(model, settings.start, optional="head.")
    run = CrossencoderRun(model, tokenizer, settings)
    linkers = {
        name: Linker([Terminology.from_records(name, list(read_concepts(source)))], model=_retriever(settings))
        for name, source in settings.sources.items()
    }
    mentions: list[Example] = []
    for name, corpus in settings.mentions.items():
        run.checksums[name] = checksum_of(corpus.path)[:16]
        mentions += mention_examples(linkers[corpus.terminology], read_gold(corpus.path, corpus.labels), run.layout)
    dev = {
        name: list(mention_examples(linkers[one.terminology], read_gold(one.path, one.labels), run.layout))
        for name, one in settings.dev.items()
    }
    run.examples = len(mentions)
    log.info("%d mentions, and for dev %s", len(mentions), {name: len(one) for name, one in dev.items()})
    device = training_device()
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * -(-(len(mentions) + settings.names) // settings.batch)
    progress = Progress(folder, settings, model, optimizer, steps)
    state = progress.resume()
    first, run.seconds = state.get("epoch", 0), state.get("seconds", 0.0)
    for epoch in range(first, settings.epochs):
        began = time.monotonic()
        rng = Random(f"{settings.seed} {epoch}")
        examples = mentions + name_examples(linkers, settings.names, run.layout, rng)
        total = 0.0
        batches = _batches(examples, settings, rng)
        for number, batch in enumerate(batches, start=1):
            loss = _loss(model, tokenizer, [_draw(one, settings, rng) for one in batch], run.layout)
            total += progress.step(loss)
            if number % 50 == 0:
                log.info("epoch %d: batch %d of %d, loss %.4f", epoch + 1, number, len(batches), total / number)
        run.seconds += time.monotonic() - began
        line = {"epoch": epoch + 1, "loss": total / len(batches), "seconds": round(run.seconds)}
        progress.write_log(line)
        progress.save(epoch=epoch + 1, seconds=run.seconds)
    run.dev = {name: score(model, tokenizer, examples, run.layout) for name, examples in dev.items()}
    model.to("cpu").eval()
    run.machines = progress.machines
    return run


def _retriever(settings: CrossencoderSettings) -> LinkModel:
    return LinkModel.from_encoder(load_name_encoder(settings.retriever))


def mention_examples(linker: Linker, gold: Sequence[GoldMention], layout: Layout) -> list[Example]:
    """Mentions that looking names up does not settle, each once a document, with what the retriever finds.

    Arguments:
        linker: A linker of one terminology.
        gold: The mentions.
        layout: How many candidates there may be.
    """
    terminology = linker.terminologies[0]
    queries = [Query(one.text, one.context) for one in gold]
    expanded = [
        linker.ranker.at_first_place(Query(expansion.text, query.context), terminology)
        for query, expansion in zip(queries, expand_queries(queries), strict=True)
    ]
    examples: dict[tuple[str, str], Example] = {}
    for query, one, (evidence, order) in zip(
        expanded, gold, linker.ranker.open_candidates(expanded, terminology), strict=True
    ):
        right = {row for id_ in one.concept_ids if (row := terminology.row(id_)) is not None}
        key = (query.text, query.document)
        if order and key not in examples:
            examples[key] = _example(query, evidence, order[: layout.candidates], right, terminology)
    return list(examples.values())


def _example(
    query: Query, evidence: Evidence, order: Sequence[int], right: set[int], terminology: Terminology
) -> Example:
    texts = tuple(candidate_text(c, terminology.aliases[evidence.best(c)[0].alias], terminology) for c in order)
    return Example(query, texts, tuple(c in right for c in order))


def name_examples(linkers: Mapping[str, Linker], count: int, layout: Layout, rng: Random) -> list[Example]:
    """Names of terminologies read as mentions without a document; names with the same words are read of no candidate.

    Arguments:
        linkers: For each terminology a linker.
        count: How many in all.
        layout: How many candidates there may be.
        rng: Source of chance.
    """
    examples: list[Example] = []
    for linker in linkers.values():
        terminology = linker.terminologies[0]
        several = [c for c in range(len(terminology)) if len(terminology.alias_rows(c)) > 1]
        concepts = rng.sample(several, min(len(several), count // len(linkers)))
        names = [terminology.aliases[rng.choice(terminology.alias_rows(c))] for c in concepts]
        texts = [vary(name, rng) if rng.random() < _VARIED else name for name in names]
        found = linker.ranker.nearest(texts, terminology, _NAMES_NEAR)
        for concept, name, text, aliases in zip(concepts, names, texts, found, strict=True):
            words = sorted(stems_of(name))
            matched: dict[int, str] = {}
            for alias in aliases:
                if sorted(stems_of(terminology.aliases[alias])) != words:
                    matched.setdefault(int(terminology.alias_concept[alias]), terminology.aliases[alias])
            order = list(matched)[: layout.candidates]
            candidates = tuple(_less(candidate_parts(c, matched[c], terminology), words) for c in order)
            examples.append(Example(Query(text), candidates, tuple(c == concept for c in order)))
    return [one for one in examples if one.candidates]


def _less(parts: Sequence[str], words: Sequence[str]) -> str:
    """What is read of a candidate, less the names with these stems: a mention is rarely written as one of them."""
    return "; ".join([part for part in parts if sorted(stems_of(part)) != words] or parts)


def _draw(example: Example, settings: CrossencoderSettings, rng: Random) -> Example:
    """An example with its candidates in another order, and now and then without the right ones."""
    pairs = list(zip(example.candidates, example.right, strict=True))
    if rng.random() < settings.absent:
        pairs = [pair for pair in pairs if not pair[1]] or pairs
    rng.shuffle(pairs)
    return Example(example.query, tuple(text for text, _ in pairs), tuple(right for _, right in pairs))


def _batches(examples: Sequence[Example], settings: CrossencoderSettings, rng: Random) -> list[list[Example]]:
    order = rng.sample(range(len(examples)), len(examples))
    stretch = settings.batch * 20
    batches: list[list[Example]] = []
    for at in range(0, len(order), stretch):
        part = sorted(order[at : at + stretch], key=lambda i: sum(map(len, examples[i].candidates)))
        batches += [[examples[i] for i in part[j : j + settings.batch]] for j in range(0, len(part), settings.batch)]
    rng.shuffle(batches)
    return batches


def _logits(
    model: CrossEncoder, tokenizer: WordPieceEncoder, examples: Sequence[Example], layout: Layout
) -> Iterator[torch.Tensor]:
    """For each example the logits of NIL and its candidates."""
    device = next(model.parameters()).device
    inputs = [build_input(one.query, one.candidates, tokenizer, layout) for one in examples]
    ids = np.zeros((len(inputs), max(len(one) for one, _ in inputs)), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, (one, _) in enumerate(inputs):
        ids[row, : len(one)], mask[row, : len(one)] = one, 1
    with torch.autocast(device.type, torch.bfloat16):
        scores = model(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))[..., 0]
    for row, (_, spans) in enumerate(inputs):
        yield torch.stack([scores[row, start:end].float().mean() for start, end in spans.tolist()])


def _loss(
    model: CrossEncoder, tokenizer: WordPieceEncoder, examples: Sequence[Example], layout: Layout
) -> torch.Tensor:
    model.train()
    losses = []
    for one, logits in zip(examples, _logits(model, tokenizer, examples, layout), strict=True):
        right = torch.tensor([not any(one.right), *one.right], device=logits.device)
        losses.append(torch.logsumexp(logits, 0) - torch.logsumexp(logits[right], 0))
    return torch.stack(losses).mean()


@torch.no_grad()
def score(
    model: CrossEncoder, tokenizer: WordPieceEncoder, examples: Sequence[Example], layout: Layout
) -> dict[str, float]:
    """How often the retriever's first candidate and the cross-encoder's are right, and how often one is there."""
    model.eval()
    hits = []
    for at in range(0, len(examples), 16):
        part = examples[at : at + 16]
        for one, logits in zip(part, _logits(model, tokenizer, part, layout), strict=True):
            hits.append(one.right[int(logits[1:].argmax())])
    return {
        "mentions": float(len(examples)),
        "first retrieved": round(float(np.mean([one.right[0] for one in examples])), 4),
        "first reranked": round(float(np.mean(hits)), 4),
        "among those read": round(float(np.mean([any(one.right) for one in examples])), 4),
    }
