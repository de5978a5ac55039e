"""Fitting the linker's calibration: weights of the features, by maximum likelihood on development mentions.

Beside each mention stands itself with its concepts taken away: then none of what is left is right, and the model
learns what NIL looks like where the right concept is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from medlink.errors import MedlinkError
from medlink.evaluation.linking import GoldMention, LinkScores, crosswalk_gold, read_gold, read_unknown
from medlink.inference.names import NameEncoder
from medlink.linking.calibration import Calibration, default_calibration
from medlink.linking.evidence import FEATURES, Evidence
from medlink.linking.linker import Linker, expand_queries
from medlink.linking.model import LinkModel
from medlink.linking.ranking import WEIGHED, Ranker
from medlink.linking.reranker import Reranker
from medlink.linking.stages import Query
from medlink.terminology.store import Terminology
from medlink.terminology.words import hash64
from medlink.training.settings import CalibrationSettings
from medlink.training.synonyms import read_concepts

log = logging.getLogger(__name__)

#: The features of each model; the exact model knows only what looking names up tells.
COLUMNS = {
    "exact": ("same_words", "synonym", "loose", "abbreviation", "preferred", "category", "bias"),
    "full": tuple(name for name in FEATURES if name != "rerank"),
    "reranked": FEATURES,
}
# What a mention without its concepts counts beside the mention.
_ABSENT = 0.15
_RIDGE = 0.02


Weights = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Case:
    """A mention to fit on: features of its candidates, and which are right (none: NIL)."""

    features: np.ndarray
    right: np.ndarray
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Item:
    """A mention, the rows of the concepts that it means, and what was found for it."""

    query: Query
    right: frozenset[int]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibration, and for each terminology how the scores hold on the halves that they were not fitted on."""

    calibration: Calibration
    held_out: dict[str, LinkScores]


def fit_calibration(settings: CalibrationSettings, encoder: NameEncoder, reranker: Reranker | None) -> Fitted:
    """Fit a calibration.

    Arguments:
        settings: What to fit on.
        encoder: The encoder of names.
        reranker: The cross-encoder, if there is one.

    Returns:
        Weights for each terminology with mentions, and for any other.

    Raises:
        MedlinkError: Something named in the settings cannot be read.
    """
    if unknown := {settings.general, *settings.bridges} - settings.sources.keys():
        raise MedlinkError(f"{sorted(unknown)[0]!r} is named in the settings, but is not among the sources")
    weights: dict[str, Weights] = {}
    held_out: dict[str, LinkScores] = {}
    terminologies = {
        name: Terminology.from_records(name, list(read_concepts(source))) for name, source in settings.sources.items()
    }
    for name, terminology in terminologies.items():
        bridges = [terminologies[other] for other in settings.bridges if other != name]
        linker = Linker([terminology], model=LinkModel(encoder, default_calibration(), reranker), bridges=bridges)
        items = gather(linker, read_mentions(settings, name))
        log.info("%s: %d mentions", name, len(items))
        weights[name] = _fit(items, linker.ranker, terminology, read=True)
        halves = [[item for item in items if _half(item) == half] for half in (0, 1)]
        held_out[name] = LinkScores()
        for half in (0, 1):
            own = Calibration({"*": _fit(halves[1 - half], linker.ranker, terminology)})
            _score(halves[half], replace(linker.ranker, calibration=own), terminology, held_out[name])
    weights["*"] = weights[settings.general]
    return Fitted(Calibration(weights), held_out)


def _half(item: Item) -> int:
    """Which half an item belongs to: mentions of one document, and the same mention, are not parted."""
    return hash64(item.query.document or item.query.text) % 2


def _fit(items: Sequence[Item], ranker: Ranker, terminology: Terminology, *, read: bool = False) -> Weights:
    """The weights of all models, each fitted on the mentions that it decides.

    Arguments:
        items: The mentions.
        ranker: A ranker with the stages that found the evidence.
        terminology: The terminology of the concepts.
        read: Whether the cross-encoder is to read what looking names up does not settle.
    """
    # What no mention tells anything about stays as it comes with medlink.
    weights: Weights = {model: dict(own) for model, own in default_calibration().weights["*"].items()}
    looked_up = [Case(*_sure_case(item, terminology)) for item in items if item.evidence.sure()]
    if looked_up:
        weights["exact"] = fit(looked_up, "exact")
    ranker = replace(ranker, calibration=Calibration({"*": weights}))
    open_ = [item for item in items if item.evidence.hits and not ranker.settled(item.evidence, terminology)]
    if not open_:
        return weights
    for item in open_ if read else ():
        item.evidence.reranked = {}
    weights["full"] = fit([case for item in open_ for case in _with_and_without(item, terminology)], "full")
    if ranker.reranker is None:
        return weights
    if read:
        unclear = [item for item in open_ if ranker.unclear(item.evidence, terminology)]
        # As the linker does, each mention once a document.
        first_of = {(item.query.text, item.query.document): item for item in reversed(unclear)}
        unique = list(first_of.values())
        ranker.read([item.query for item in unique], [item.evidence for item in unique], terminology)
        for item in unclear:
            item.evidence.reranked = first_of[item.query.text, item.query.document].evidence.reranked
    both = [case for item in open_ if item.evidence.reranked for case in _with_and_without(item, terminology)]
    if both:
        weights["reranked"] = fit(both, "reranked")
    return weights


def _score(items: Sequence[Item], ranker: Ranker, terminology: Terminology, scores: LinkScores) -> None:
    for item in items:
        right = frozenset(terminology.concept_ids[row] for row in item.right)
        scores.add(right, ranker.candidates(item.evidence, terminology, 25))


def read_mentions(settings: CalibrationSettings, terminology: str) -> list[GoldMention]:
    """The mentions that a terminology's weights are fitted on."""
    gold: list[GoldMention] = []
    for corpus in settings.mentions.values():
        if corpus.terminology == terminology:
            gold += read_gold(corpus.path, corpus.labels)
    for walk in settings.crosswalks.values():
        if walk.terminology == terminology:
            gold += crosswalk_gold([Path(file) for file in walk.files], walk.prefix)[::2]
    for file in settings.unknown:
        gold += read_unknown(file)
    return gold


def gather(linker: Linker, gold: Sequence[GoldMention]) -> list[Item]:
    """What the stages find for mentions; those that are NIL before any search are left out.

    Arguments:
        linker: A linker of one terminology.
        gold: The mentions; those without a concept in the terminology are NIL.
    """
    (terminology,) = linker.terminologies
    asked = [Query(one.text, one.context) for one in gold]
    queries, right = [], []
    for one, query, expansion in zip(gold, asked, expand_queries(asked), strict=True):
        if not expansion.open:
            queries.append(replace(query, text=expansion.text))
            rows = (terminology.row(id_) for id_ in one.concept_ids)
            right.append(frozenset(row for row in rows if row is not None))
    found = linker.ranker.gather(queries, terminology, 25)
    return [Item(*parts) for parts in zip(queries, right, found, strict=True)]


def _sure_case(item: Item, terminology: Terminology) -> tuple[np.ndarray, np.ndarray]:
    sure = item.evidence.sure()
    return item.evidence.features(sure, terminology), np.array([concept in item.right for concept in sure])


def _with_and_without(item: Item, terminology: Terminology) -> list[Case]:
    found = []
    for absent in (False, True):
        hits = {c: of for c, of in item.evidence.hits.items() if not absent or c not in item.right}
        if (absent and not item.right & item.evidence.hits.keys()) or not hits:
            continue
        left = replace(item.evidence, hits=hits)
        concepts = left.weighed(WEIGHED)
        right = np.array([concept in item.right for concept in concepts])
        found.append(Case(left.features(concepts, terminology), right, _ABSENT if absent else 1.0))
    return found


def fit(cases: Sequence[Case], model: str) -> dict[str, float]:
    """Weights of a model's features that make the right candidates, or NIL, of cases likeliest."""
    columns = [FEATURES.index(name) for name in COLUMNS[model]]
    longest = max(len(case.features) for case in cases)
    features = torch.zeros(len(cases), longest, len(columns), dtype=torch.float64)
    there = torch.zeros(len(cases), longest, dtype=torch.bool)
    right = torch.zeros(len(cases), longest, dtype=torch.bool)
    for i, case in enumerate(cases):
        n = len(case.features)
        features[i, :n] = torch.from_numpy(case.features[:, columns].astype(np.float64))
        there[i, :n] = True
        right[i, :n] = torch.from_numpy(case.right)
    importance = torch.tensor([case.weight for case in cases], dtype=torch.float64)
    weights = torch.zeros(len(columns), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")
    nil = torch.zeros(len(cases), 1, dtype=torch.float64)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        utilities = (features @ weights).masked_fill(~there, -1e9)
        total = torch.logsumexp(torch.cat([nil, utilities], 1), 1)
        of_right = torch.logsumexp(utilities.masked_fill(~right, -1e9), 1)
        chosen = torch.where(right.any(1), of_right, nil[:, 0])
        loss = (importance * (total - chosen)).sum() / importance.sum() + _RIDGE / len(cases) * weights.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return {name: round(float(weight), 4) for name, weight in zip(COLUMNS[model], weights.detach(), strict=True)}
