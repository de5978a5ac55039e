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

from medlink.evaluation.linking import GoldMention, crosswalk_gold, read_gold, read_unknown
from medlink.inference.names import NameEncoder
from medlink.linking.calibration import MODELS, Calibration, default_calibration
from medlink.linking.evidence import FEATURES, Evidence
from medlink.linking.linker import Linker, expand_queries
from medlink.linking.model import LinkModel
from medlink.linking.ranking import WEIGHED
from medlink.linking.reranker import Reranker
from medlink.linking.stages import Query
from medlink.terminology.store import Terminology
from medlink.training.settings import CalibrationSettings
from medlink.training.synonyms import read_concepts

log = logging.getLogger(__name__)

#: The features of each model; the exact model knows only what looking names up tells.
COLUMNS = {
    "exact": ("same_words", "synonym", "loose", "abbreviation", "category", "bias"),
    "full": tuple(name for name in FEATURES if name != "rerank"),
    "reranked": FEATURES,
}
# What a mention without its concepts counts beside the mention.
_ABSENT = 0.15
_RIDGE = 0.02


@dataclass(frozen=True, slots=True)
class Case:
    """A mention to fit on: features of its candidates, and which are right (none: NIL)."""

    features: np.ndarray
    right: np.ndarray
    weight: float = 1.0


def fit_calibration(settings: CalibrationSettings, encoder: NameEncoder, reranker: Reranker | None) -> Calibration:
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
    weights: dict[str, dict[str, dict[str, float]]] = {}
    pooled: dict[str, list[Case]] = {model: [] for model in MODELS}
    for name, source in settings.sources.items():
        terminology = Terminology.from_records(name, list(read_concepts(source)))
        linker = Linker([terminology], model=LinkModel(encoder, default_calibration(), reranker))
        cases = gather_cases(linker, read_mentions(settings, name))
        weights[name] = {model: fit(of_model, model) for model, of_model in cases.items() if of_model}
        log.info("%s: fitted on %d mentions", name, len(cases["full"]))
        for model in MODELS if name in settings.general else ():
            pooled[model] += cases[model]
    weights["*"] = {model: fit(cases, model) for model, cases in pooled.items() if cases}
    if reranker is None:
        weights["*"]["reranked"] = weights["*"]["full"]
    return Calibration(weights)


def read_mentions(settings: CalibrationSettings, terminology: str) -> list[GoldMention]:
    """The mentions that a terminology's weights are fitted on, each once a document."""
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


def gather_cases(linker: Linker, gold: Sequence[GoldMention]) -> dict[str, list[Case]]:
    """The cases of mentions for each model.

    Arguments:
        linker: A linker of one terminology.
        gold: The mentions; those without a concept in the terminology are NIL.
    """
    cases: dict[str, list[Case]] = {model: [] for model in MODELS}
    (terminology,), ranker = linker.terminologies, linker.ranker
    asked = [Query(one.text, one.context) for one in gold]
    queries = [replace(q, text=e.text) for q, e in zip(asked, expand_queries(asked), strict=True) if not e.open]
    of_query = [one for one, e in zip(gold, expand_queries(asked), strict=True) if not e.open]
    found = ranker.gather(queries, terminology, 25)
    for one, evidence in zip(of_query, found, strict=True):
        right = _rows(one, terminology)
        if sure := evidence.sure():
            features = evidence.features(sure, terminology)
            cases["exact"].append(Case(features, np.array([c in right for c in sure])))
        cases["full"] += _with_and_without(evidence, right, terminology)
    if ranker.reranker is not None:
        open_ = [i for i, (_, order) in enumerate(ranker.open_candidates(queries, terminology)) if order]
        ranker.read([queries[i] for i in open_], [found[i] for i in open_], terminology)
        for i in open_:
            cases["reranked"] += _with_and_without(found[i], _rows(of_query[i], terminology), terminology)
    return cases


def _rows(gold: GoldMention, terminology: Terminology) -> set[int]:
    return {row for id_ in gold.concept_ids if (row := terminology.row(id_)) is not None}


def _with_and_without(evidence: Evidence, right: set[int], terminology: Terminology) -> list[Case]:
    found = []
    for absent in (False, True):
        left = Evidence(evidence.text, reranked=evidence.reranked)
        left.hits = {c: hits for c, hits in evidence.hits.items() if not absent or c not in right}
        if (absent and not right & evidence.hits.keys()) or not left.hits:
            continue
        concepts = left.weighed(WEIGHED)
        features = left.features(concepts, terminology)
        found.append(Case(features, np.array([c in right for c in concepts]), _ABSENT if absent else 1.0))
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
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return {name: round(float(weight), 4) for name, weight in zip(COLUMNS[model], weights.detach(), strict=True)}
