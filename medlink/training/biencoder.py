"""Training of the bi-encoder: names of one meaning are pulled together, those of others pushed apart.

Self-alignment of synonyms (SapBERT, Liu et al. 2021) with InfoNCE (van den Oord et al. 2018), or with SapBERT's own
multi-similarity loss over mined pairs (Wang et al. 2019), which learns several times more slowly here; in batches of
neighbouring concepts, so that what is easily taken for another meets it. From the hierarchy: a definition is one more
name of its concept (BioLORD, Remy et al. 2024), and a parent may be more alike than others (HiPrBERT, Yan et al.
2023). Vectors cut short are trained too (Matryoshka, Kusupati et al. 2022). Training writes a checkpoint after each
round and goes on from it when started again.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from medlink.inference.wordpiece import WordPieceEncoder
from medlink.training.base import load_base, load_weights, training_device
from medlink.training.corpus import checksum_of
from medlink.training.progress import Progress
from medlink.training.settings import BiencoderSettings, MentionSettings, SourceSettings
from medlink.training.synonyms import Group, linked_mentions, read_concepts, read_groups
from medlink.training.variants import vary

log = logging.getLogger(__name__)

# Of the loss, as SapBERT has them: weights of positive and negative pairs, likeness that parts them, mining margin.
_ALPHA, _BETA, _BASE, _MARGIN = 1.0, 60.0, 0.5, 0.2
_TEMPERATURE = 0.05
# A batch is run in pieces of names of like length, so that little is padded; on a GPU, which would wait for each, at
# once.
_PIECES, _GPU_PIECES = 8, 1
_EMBED_BATCH = 256


class NameEncoder(nn.Module):
    """A transformer encoder whose mean over the pieces is the vector of a name.

    Arguments:
        encoder: A Hugging Face encoder.
    """

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Two (batch, pieces) tensors in, the vectors of the pieces out: (batch, pieces, dimensions)."""
        return torch.as_tensor(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)

    def pool(self, pieces: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """The vectors of names, not normalised, from the embeddings of their pieces.

        Arguments:
            pieces: Shape (batch, pieces, dimensions).
            attention_mask: Shape (batch, pieces).
        """
        hidden = self.encoder(inputs_embeds=pieces, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return torch.as_tensor((hidden * weights).sum(1) / weights.sum(1))


@dataclass(slots=True)
class BiencoderRun:
    """What a training run leaves: the model, its tokenizer and what the model card needs."""

    model: NameEncoder
    tokenizer: WordPieceEncoder
    settings: BiencoderSettings
    dev: dict[str, dict[str, float]] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    groups: int = 0
    names: int = 0
    seconds: float = 0.0
    machines: list[str] = field(default_factory=list)


def train_biencoder(settings: BiencoderSettings, folder: Path, threads: int = 0) -> BiencoderRun:
    """Train the bi-encoder, or go on with a training that was cut off.

    Arguments:
        settings: What to train on and how.
        folder: Where the checkpoint (``last.pt``) and ``log.jsonl`` are kept.
        threads: CPU threads; 0 for PyTorch's default.

    Returns:
        The model of the last round, with its accuracy@1 and recall@25 on the development corpora.

    Raises:
        MedlinkError: A source or the base model cannot be read, or the folder holds a run with other settings.
    """
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(settings.seed)
    encoder, tokenizer = load_base(settings.base, settings.dropout)
    folder.mkdir(parents=True, exist_ok=True)
    encoder.set_attn_implementation("eager")  # faster for names, which are short and of many lengths
    model = NameEncoder(encoder)
    if settings.start:
        load_weights(model, settings.start)
    groups, members = read_groups(settings.sources, settings.mentions)
    run = BiencoderRun(model, tokenizer, settings, checksums=_checksums(settings), groups=len(groups))
    run.names = sum(len(group.names) for group in groups)
    device = training_device()
    model.to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.rounds * settings.steps
    progress = Progress(folder, settings, model, optimizer, steps)
    state = progress.resume()
    first, run.seconds = state.get("round", 0), state.get("seconds", 0.0)
    for number in range(first, settings.rounds):
        began = time.monotonic()
        rng = Random(f"{settings.seed} {number}")
        torch.manual_seed(settings.seed + number)  # dropout draws from it
        drawn = _draw(groups, members, settings, rng)
        near = _neighbours(model, tokenizer, [rng.choice(groups[i].names) for i in drawn], settings)
        log.info(
            "round %d: neighbours of %d concepts found in %.0f s", number + 1, len(drawn), time.monotonic() - began
        )
        total = 0.0
        for step in range(1, settings.steps + 1):
            loss = _step(model, tokenizer, groups, drawn, near, settings, rng)
            total += progress.step(loss)
            if step % 50 == 0:
                log.info("round %d: step %d of %d, loss %.4f", number + 1, step, settings.steps, total / step)
        run.seconds += time.monotonic() - began
        line = {"round": number + 1, "loss": total / settings.steps, "seconds": round(run.seconds)}
        progress.write_log(line)
        progress.save(round=number + 1, seconds=run.seconds)
    embedded: dict[str, torch.Tensor] = {}
    for name, corpus in settings.dev.items():
        names, concepts, mentions = _read_test(settings.sources[corpus.terminology], corpus)
        if corpus.terminology not in embedded:
            embedded[corpus.terminology] = torch.from_numpy(embed(model, tokenizer, names, settings.longest))
        run.dev[name] = _score(model, tokenizer, embedded[corpus.terminology], concepts, mentions, settings)
    model.to("cpu").eval()
    run.machines = progress.machines
    return run


def _checksums(settings: BiencoderSettings) -> dict[str, str]:
    files = {name: source.files for name, source in settings.sources.items()}
    files |= {f"{name} (mentions)": [corpus.path] for name, corpus in settings.mentions.items()}
    return {name: ", ".join(checksum_of(path)[:16] for path in paths) for name, paths in files.items()}


def _draw(
    groups: Sequence[Group], members: dict[str, list[int]], settings: BiencoderSettings, rng: Random
) -> list[int]:
    """The groups of a round: all that corpora mention, and of the others as many as each terminology gives."""
    drawn = {i for i, group in enumerate(groups) if group.mentions}
    for source, positions in members.items():
        most = settings.sources[source].concepts
        drawn.update(rng.sample(positions, most) if 0 < most < len(positions) else positions)
    return sorted(drawn)


def _neighbours(
    model: NameEncoder, tokenizer: WordPieceEncoder, names: Sequence[str], settings: BiencoderSettings
) -> np.ndarray:
    """Positions of the names most like each. Shape (names, reach)."""
    device = next(model.parameters()).device
    vectors = torch.from_numpy(embed(model, tokenizer, names, settings.longest)).to(device)
    reach = min(settings.reach, len(names) - 1)
    near = np.zeros((len(names), reach), dtype=np.int64)
    for at in range(0, len(names), 1024):
        likeness = vectors[at : at + 1024] @ vectors.T
        likeness[torch.arange(len(likeness)), torch.arange(at, at + len(likeness))] = -1
        near[at : at + 1024] = likeness.topk(reach, dim=1).indices.cpu().numpy()
    return near


def _step(
    model: NameEncoder,
    tokenizer: WordPieceEncoder,
    groups: Sequence[Group],
    drawn: Sequence[int],
    near: np.ndarray,
    settings: BiencoderSettings,
    rng: Random,
) -> torch.Tensor:
    """The loss of one batch: seeds and some of their neighbours, two names of each."""
    chosen: dict[int, str] = {}  # groups, and the mention that stands for one of the names, if any
    mentions = [(i, mention) for i, at in enumerate(drawn) for mention in groups[at].mentions]
    seeds = rng.sample(mentions, min(int(settings.seeds * settings.mentioned), len(mentions)))
    seeds += [(i, "") for i in rng.sample(range(len(drawn)), min(settings.seeds - len(seeds), len(drawn)))]
    for seed, mention in seeds:
        chosen[drawn[seed]] = mention or chosen.get(drawn[seed], "")
        for other in rng.sample(range(near.shape[1]), min(settings.neighbours, near.shape[1])):
            chosen.setdefault(drawn[int(near[seed, other])], "")
    texts: list[str] = []
    owner: list[int] = []
    for at, mention in chosen.items():
        texts += [mention, rng.choice(groups[at].names)] if mention else _two_names(groups[at], settings, rng)
        owner += [at, at]
    model.train()
    device = next(model.parameters()).device
    with torch.autocast(device.type, torch.bfloat16):
        pieces = _GPU_PIECES if device.type == "cuda" else _PIECES
        vectors = _forward(model, tokenizer, texts, settings.longest, device, pieces)
    own = torch.tensor(owner, device=device)
    same = own[:, None] == own[None, :]
    positive = same & ~torch.eye(len(own), dtype=torch.bool, device=device)
    negative = ~same & ~_alike_texts(texts, device)
    slack = torch.zeros(len(own), len(own), device=device)
    index = {at: i for i, at in enumerate(chosen)}
    for at, i in index.items():
        for parent in groups[at].parents & index.keys():
            j = index[parent]
            slack[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = settings.slack
            slack[2 * j : 2 * j + 2, 2 * i : 2 * i + 2] = settings.slack
    losses = []
    for dimension in settings.dimensions:
        cut = normalize(vectors[:, :dimension].float(), dim=1)
        losses.append(LOSSES[settings.loss](cut @ cut.T - slack, positive, negative))
    return torch.stack(losses).mean()


def _alike_texts(texts: Sequence[str], device: torch.device) -> torch.Tensor:
    """Pairs with the very same text, which two concepts may share: neither pulled nor pushed."""
    numbers: dict[str, int] = {}
    of_text = torch.tensor([numbers.setdefault(text.lower(), len(numbers)) for text in texts], device=device)
    return of_text[:, None] == of_text[None, :]


def _two_names(group: Group, settings: BiencoderSettings, rng: Random) -> list[str]:
    if group.definition and rng.random() < settings.definitions:
        return [rng.choice(group.names), group.definition]
    names = rng.sample(group.names, 2) if len(group.names) > 1 else [group.names[0], vary(group.names[0], rng)]
    return [vary(name, rng) if rng.random() < settings.varied else name for name in names]


def multi_similarity(likeness: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """The multi-similarity loss over the pairs that its miner keeps.

    Arguments:
        likeness: Cosine of each pair. Shape (names, names).
        positive: Which pairs mean the same. Shape (names, names), bool.
        negative: Which pairs do not. Shape (names, names), bool.
    """
    with torch.no_grad():
        least = likeness.masked_fill(~positive, 2).amin(1, keepdim=True)
        most = likeness.masked_fill(~negative, -2).amax(1, keepdim=True)
        positive = positive & (likeness - _MARGIN < most)
        negative = negative & (likeness + _MARGIN > least)
    pulled = torch.log1p((torch.exp(-_ALPHA * (likeness - _BASE)) * positive).sum(1)) / _ALPHA
    # The largest term is taken out of the sum, which would overflow otherwise.
    exponents = (_BETA * (likeness - _BASE)).masked_fill(~negative, -1e4)
    pushed = torch.logsumexp(torch.cat([torch.zeros_like(exponents[:, :1]), exponents], dim=1), dim=1) / _BETA
    return (pulled + pushed).mean()


def info_nce(likeness: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
    """The softmax over all pairs of a name that are not left out; arguments as for :func:`multi_similarity`."""
    scaled = likeness / _TEMPERATURE
    others = torch.logsumexp(scaled.masked_fill(~negative, -1e4), 1, keepdim=True)
    # Each positive pair stands alone against all negative ones.
    each = torch.logaddexp(scaled, others) - scaled
    return (each * positive).sum() / positive.sum()


LOSSES = {"multi-similarity": multi_similarity, "info-nce": info_nce}


def _forward(
    model: NameEncoder,
    tokenizer: WordPieceEncoder,
    texts: Sequence[str],
    longest: int,
    device: torch.device,
    pieces: int,
) -> torch.Tensor:
    ids = [one[:longest] for one in tokenizer.encode_texts(texts)]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    size = -(-len(order) // pieces)
    batches: list[torch.Tensor] = []
    masks: list[torch.Tensor] = []
    for at in range(0, len(order), size):
        part = order[at : at + size]
        batch = np.zeros((len(part), len(ids[part[-1]]) + 2), dtype=np.int64)
        mask = np.zeros_like(batch)
        for row, i in enumerate(part):
            n = len(ids[i])
            batch[row, : n + 2] = [tokenizer.start_id, *ids[i], tokenizer.end_id]
            mask[row, : n + 2] = 1
        batches.append(torch.from_numpy(batch).to(device))
        masks.append(torch.from_numpy(mask).to(device))
    # Looked up at once: each lookup of its own would cost a gradient of the size of the vocabulary.
    looked_up = model.encoder.get_input_embeddings()(torch.cat([batch.flatten() for batch in batches]))
    lengths = [batch.numel() for batch in batches]
    vectors = [
        model.pool(embedded.view(*mask.shape, -1), mask)
        for embedded, mask in zip(looked_up.split(lengths), masks, strict=True)
    ]
    back = np.argsort(order)
    return torch.cat(vectors)[torch.from_numpy(back).to(device)]


@torch.no_grad()
def embed(model: NameEncoder, tokenizer: WordPieceEncoder, names: Sequence[str], longest: int) -> np.ndarray:
    """Unit vectors of names. Shape (names, dimensions), float32."""
    model.eval()
    device = next(model.parameters()).device
    order = sorted(range(len(names)), key=lambda i: len(names[i]))
    parts = []
    with torch.autocast(device.type, torch.bfloat16):
        for at in range(0, len(order), _EMBED_BATCH):
            texts = [names[i] for i in order[at : at + _EMBED_BATCH]]
            parts.append(normalize(_forward(model, tokenizer, texts, longest, device, 1).float(), dim=1).cpu())
    vectors = torch.cat(parts).numpy()
    return np.ascontiguousarray(vectors[np.argsort(order)])


def _read_test(
    source: SourceSettings, corpus: MentionSettings
) -> tuple[list[str], list[str], list[tuple[str, set[str]]]]:
    """Names of the terminology, the concept of each, and mentions with the concepts that are right."""
    names: dict[str, str] = {}
    resolved: dict[str, str] = {}
    for concept in read_concepts(source):
        for id_ in (concept.concept_id, *concept.alternate_ids):
            resolved.setdefault(id_, concept.concept_id)
        for name in (concept.name, *(alias.text for alias in concept.aliases)):
            names.setdefault(name.lower(), concept.concept_id)
    mentions = [
        (text, {resolved.get(id_, id_) for id_ in ids}) for text, ids in linked_mentions(corpus.path, corpus.labels)
    ]
    return list(names), list(names.values()), mentions


def _score(
    model: NameEncoder,
    tokenizer: WordPieceEncoder,
    vectors: torch.Tensor,
    concepts: Sequence[str],
    mentions: Sequence[tuple[str, set[str]]],
    settings: BiencoderSettings,
) -> dict[str, float]:
    """Accuracy@1 and recall@25 of the concepts of the nearest names."""
    texts = sorted({text for text, _ in mentions})
    near: dict[str, list[str]] = defaultdict(list)
    queries = torch.from_numpy(embed(model, tokenizer, texts, settings.longest))
    nearest = (queries @ vectors.T).topk(min(200, len(concepts)), dim=1).indices.tolist()
    for text, best in zip(texts, nearest, strict=True):
        near[text] = list(dict.fromkeys(concepts[i] for i in best))[:25]
    at_1 = np.mean([near[text][0] in gold for text, gold in mentions])
    at_25 = np.mean([bool(gold & set(near[text])) for text, gold in mentions])
    return {"accuracy@1": round(float(at_1), 4), "recall@25": round(float(at_25), 4)}
