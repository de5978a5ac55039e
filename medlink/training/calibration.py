"""Fitting the linker's calibration: weights of the features, by maximum likelihood on development mentions, and the
priors, counted in training mentions.

Beside each mention stands itself with its concepts taken away: then none of what is left is right, and the model
learns what NIL looks like where the right concept is missing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from medlink.errors import MedlinkError
from medlink.evaluation.linking import GoldMention, LinkScores, crosswalk_gold, meanings, read_gold, read_unknown
from medlink.inference.names import NameEncoder
from medlink.linking.annotated import AnnotatedNames
from medlink.linking.calibration import Calibration, default_calibration
from medlink.linking.evidence import FEATURES, Evidence
from medlink.linking.linker import Linker, expand_queries
from medlink.linking.model import LinkModel
from medlink.linking.priors import Priors
from medlink.linking.ranking import WEIGHED, Ranker, unclear, worth_reading
from medlink.linking.reranker import Reranker
from medlink.linking.stages import Query
from medlink.terminology.store import Terminology
from medlink.terminology.words import hash64
from medlink.training.settings import CalibrationSettings, MentionSettings
from medlink.training.synonyms import read_concepts

log = logging.getLogger(__name__)

#: The features of each model; the exact model knows only what looking names up tells.
COLUMNS = {
    "exact": (
        "verbatim",
        "same_words",
        "synonym",
        "loose",
        "abbreviation",
        "prior",
        "prior_alone",
        "prior_other",
        "preferred",
        "category",
        "bias",
    ),
    "full": tuple(name for name in FEATURES if name != "rerank"),
    "reranked": FEATURES,
}
#: Features that hang on how many names a terminology has for a concept: none for one whose weights are others'.
BY_NAMES = ("votes", "votes_above")
#: What the cross-encoder must add to the accuracy of a terminology to be worth its time, and at least a standard error.
GAIN = 0.005
# What a mention without its concepts counts beside the mention.
_ABSENT = 0.15
_RIDGE = 0.02
# With fewer mentions than this, weights are drawn to those of the general terminology, as much as by so many cases.
_FEW = 1_000
_LIKENESS = 10.0
# What the codes are called that say no more than their category, and what one counts beside it, which must not rank
# below them: in a note the category gives way to its code by rule.
_UNSPECIFIED = "unspecified"
_BELOW = 0.2


Weights = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Case:
    """A mention to fit on: features of its candidates, and how right each is, from 0 to 1 (all 0: NIL)."""

    features: np.ndarray
    right: np.ndarray
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Item:
    """A mention, the rows of the concepts that it means, what was found for it, what it counts, and which of the
    concepts only stand below what it names."""

    query: Query
    right: frozenset[int]
    evidence: Evidence
    weight: float = 1.0
    below: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Fitted:
    """What was fitted, and for each terminology how the scores hold on the halves they were not fitted on."""

    calibration: Calibration
    priors: Priors
    annotated: AnnotatedNames
    held_out: dict[str, LinkScores]


def fit_calibration(settings: CalibrationSettings, encoder: NameEncoder, reranker: Reranker | None) -> Fitted:
    """Fit a calibration, and count priors.

    Arguments:
        settings: What to fit on.
        encoder: The encoder of names.
        reranker: The cross-encoder, if there is one.

    Returns:
        Weights for each terminology with mentions, and for any other.

    Raises:
        MedlinkError: Something named in the settings cannot be read.
    """
    counted = [*settings.priors.values(), *settings.later_priors.values()]
    named = {settings.general, *settings.bridges, *(one.terminology for one in counted)}
    if unknown := named - settings.sources.keys():
        raise MedlinkError(f"{sorted(unknown)[0]!r} is named in the settings, but is not among the sources")
    weights: dict[str, Weights] = {}
    shared: Weights | None = None
    held_out: dict[str, LinkScores] = {}
    terminologies = {
        name: Terminology.from_records(name, list(read_concepts(source))) for name, source in settings.sources.items()
    }
    priors = count_priors(settings.priors, terminologies)
    annotated = AnnotatedNames.embed(priors, encoder)
    # The general one first: the weights of the others are drawn to its own.
    for name in sorted(terminologies, key=lambda name: name != settings.general):
        terminology = terminologies[name]
        bridges = [terminologies[other] for other in settings.bridges if other != name]
        model = LinkModel(encoder, default_calibration(), reranker, priors, annotated)
        linker = Linker([terminology], model=model, bridges=bridges)
        items = [item for gold, weight in read_mentions(settings, name) for item in gather(linker, gold, weight)]
        if any(walk.terminology == name for walk in settings.crosswalks.values()):
            items = [with_codes_below(item, terminology) for item in items]
        log.info("%s: %d mentions", name, len(items))
        like = shared if len(items) < _FEW else None
        weights[name] = _fit(items, linker.ranker, terminology, like, read=True)
        if name == settings.general:
            shared = _fit(items, linker.ranker, terminology, None, by_names=False)
        held_out[name] = _held_out(items, linker.ranker, terminology, like)
        if reranker is not None and name != settings.general:
            unread = [replace(item, evidence=replace(item.evidence, reranked={})) for item in items]
            without = _held_out(unread, replace(linker.ranker, reranker=None), terminology, like)
            least = without.accuracy()
            chance = math.sqrt(least * (1 - least) / max(1, without.mentions))
            if held_out[name].accuracy() < least + max(GAIN, chance):
                del weights[name]["reranked"]
                held_out[name] = without
    assert shared is not None
    weights["*"] = shared
    priors = count_priors(settings.priors | settings.later_priors, terminologies)
    return Fitted(Calibration(weights), priors, AnnotatedNames.embed(priors, encoder), held_out)


def _held_out(items: Sequence[Item], ranker: Ranker, terminology: Terminology, like: Weights | None) -> LinkScores:
    """How each half is linked with weights that are fitted on the other."""
    scores = LinkScores()
    halves = [[item for item in items if _half(item) == half] for half in (0, 1)]
    for half in (0, 1):
        fitted = replace(ranker, calibration=Calibration({"*": _fit(halves[1 - half], ranker, terminology, like)}))
        for item in halves[half]:
            right = frozenset(terminology.concept_ids[row] for row in item.right)
            found = fitted.scores(item.evidence, terminology)
            scores.add(right, fitted.candidates(item.evidence, found, terminology, 25))
    return scores


def _half(item: Item) -> int:
    """Which half an item belongs to: mentions of one document, and the same mention, are not parted."""
    return hash64(item.query.document or item.query.text) % 2


def _fit(
    items: Sequence[Item],
    ranker: Ranker,
    terminology: Terminology,
    like: Weights | None,
    *,
    read: bool = False,
    by_names: bool = True,
) -> Weights:
    """The weights of all models, each fitted on the mentions that it decides.

    Arguments:
        items: The mentions.
        ranker: A ranker with the stages that found the evidence.
        terminology: The terminology of the concepts.
        like: The weights that these are drawn to, so that few mentions do not decide much.
        read: Whether the cross-encoder is to read what looking names up does not settle.
        by_names: Whether the features :data:`BY_NAMES` have weights; with ``like`` they have none.
    """
    by_names = by_names and like is None
    # What no mention tells anything about stays as it comes with medlink.
    weights: Weights = {model: dict(own) for model, own in default_calibration().weights["*"].items()}
    looked_up = [_sure_case(item, terminology) for item in items if item.evidence.sure()]
    like = like or {}
    if looked_up:
        weights["exact"] = fit(looked_up, "exact", like.get("exact"), by_names=by_names)
    ranker = replace(ranker, calibration=Calibration({"*": weights}))
    open_ = [item for item in items if item.evidence.hits and not ranker.settled(item.evidence, terminology)]
    if not open_:
        return weights
    for item in open_ if read else ():
        item.evidence.reranked = {}
    cases = [case for item in open_ for case in _with_and_without(item, terminology)]
    weights["full"] = fit(cases, "full", like.get("full"), by_names=by_names)
    if ranker.reranker is None:
        return weights
    if read:
        to_read = [item for item in open_ if unclear(ranker.scores(item.evidence, terminology))]
        # As the linker does, each mention once a document.
        first_of = {(item.query.text, item.query.document): item for item in reversed(to_read)}
        queries = [item.query for item in first_of.values()]
        evidence = [item.evidence for item in first_of.values()]
        orders = [worth_reading(ranker.scores(one, terminology)) for one in evidence]
        ranker.reranker.read(queries, evidence, orders, terminology)
        for item in to_read:
            item.evidence.reranked = first_of[item.query.text, item.query.document].evidence.reranked
    both = [case for item in open_ if item.evidence.reranked for case in _with_and_without(item, terminology)]
    if both:
        weights["reranked"] = fit(both, "reranked", like.get("reranked"), by_names=by_names)
    return weights


def read_mentions(settings: CalibrationSettings, terminology: str) -> list[tuple[list[GoldMention], float]]:
    """The mentions that a terminology's weights are fitted on, and what each counts.

    A corpus counts by the root of its size, or the scores would hold for the largest alone.
    """
    corpora = [
        read_gold(corpus.path, corpus.labels)
        for corpus in settings.mentions.values()
        if corpus.terminology == terminology
    ]
    largest = max(map(len, corpora), default=0)
    read = [(gold, math.sqrt(largest / len(gold))) for gold in corpora]
    for walk in settings.crosswalks.values():
        if walk.terminology == terminology:
            read.append((crosswalk_gold([Path(file) for file in walk.files], walk.prefix)[::2], 1.0))
    return read + [(read_unknown(file), 1.0) for file in settings.unknown]


def count_priors(corpora: Mapping[str, MentionSettings], terminologies: Mapping[str, Terminology]) -> Priors:
    """What the names in the mentions of corpora meant."""
    return Priors.count(
        meaning
        for corpus in corpora.values()
        for meaning in meanings(read_gold(corpus.path, corpus.labels), terminologies[corpus.terminology])
    )


def with_codes_below(item: Item, terminology: Terminology) -> Item:
    """An item for which codes below the right ones are right too: those that have its name, and those that say no more.

    Cross-references name a category where the code is meant: "goiter" leads to E04, and E04.9 is what is coded. Of the
    others below, which say more than the mention, none is right: "LGMD2Y" is a muscular dystrophy, but not any of them.
    """
    sure = set(item.evidence.sure())
    below = {row for row in item.evidence.concepts() if item.right & terminology.ancestors(row)}
    same = {row for row in below if row in sure or _UNSPECIFIED in terminology.concept_name(row).lower()}
    return replace(item, right=item.right | same, below=frozenset(same - item.right))


def gather(linker: Linker, gold: Sequence[GoldMention], weight: float = 1.0) -> list[Item]:
    """What the stages find for mentions; those that are NIL before any search are left out.

    Arguments:
        linker: A linker of one terminology.
        gold: The mentions; those without a concept in the terminology are NIL.
        weight: What each counts.
    """
    (terminology,) = linker.terminologies
    asked = [Query(one.text, one.context) for one in gold]
    queries, right = [], []
    for one, query, expansion in zip(gold, asked, expand_queries(asked), strict=True):
        if not expansion.open:
            queries.append(linker.ranker.at_first_place(replace(query, text=expansion.text), terminology))
            rows = (terminology.row(id_) for id_ in one.concept_ids)
            right.append(frozenset(row for row in rows if row is not None))
    found = linker.ranker.gather(queries, terminology, 25)
    return [Item(*parts, weight) for parts in zip(queries, right, found, strict=True)]


def _sure_case(item: Item, terminology: Terminology) -> Case:
    sure = item.evidence.sure()
    # Of a category and the code below it, if both are right, the code is meant.
    named = item.right.intersection(sure)
    meant = named.difference(*(terminology.ancestors(concept) for concept in named))
    right = np.array([float(concept in meant) for concept in sure])
    return Case(item.evidence.features(sure, terminology), right, item.weight)


def _with_and_without(item: Item, terminology: Terminology) -> list[Case]:
    found = []
    for absent in (False, True):
        if absent and not item.right & item.evidence.concepts():
            continue
        left = item.evidence.without(item.right if absent else ())
        concepts = left.weighed(WEIGHED)
        if not concepts:
            continue
        right = np.array([_BELOW if concept in item.below else float(concept in item.right) for concept in concepts])
        found.append(Case(left.features(concepts, terminology), right, item.weight * (_ABSENT if absent else 1.0)))
    return found


def fit(
    cases: Sequence[Case], model: str, like: Mapping[str, float] | None = None, *, by_names: bool = True
) -> dict[str, float]:
    """Weights of a model's features that make the right candidates, or NIL, of cases likeliest.

    Arguments:
        cases: The mentions.
        model: One of :data:`COLUMNS`.
        like: The weights that these are drawn to; None to draw them a little to 0.
        by_names: Whether the features :data:`BY_NAMES` are among them.
    """
    names = [name for name in COLUMNS[model] if by_names or name not in BY_NAMES]
    columns = [FEATURES.index(name) for name in names]
    longest = max(len(case.features) for case in cases)
    features = torch.zeros(len(cases), longest, len(columns), dtype=torch.float64)
    there = torch.zeros(len(cases), longest, dtype=torch.bool)
    right = torch.zeros(len(cases), longest, dtype=torch.float64)
    for i, case in enumerate(cases):
        n = len(case.features)
        features[i, :n] = torch.from_numpy(case.features[:, columns].astype(np.float64))
        there[i, :n] = True
        right[i, :n] = torch.from_numpy(case.right)
    importance = torch.tensor([case.weight for case in cases], dtype=torch.float64)
    drawn_to = torch.tensor([(like or {}).get(name, 0.0) for name in names], dtype=torch.float64)
    ridge = (_RIDGE if like is None else _LIKENESS) / len(cases)
    weights = drawn_to.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([weights], max_iter=300, line_search_fn="strong_wolfe")
    nil = torch.zeros(len(cases), 1, dtype=torch.float64)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        utilities = (features @ weights).masked_fill(~there, -1e9)
        total = torch.logsumexp(torch.cat([nil, utilities], 1), 1)
        of_right = torch.logsumexp((utilities + right.log()).clamp(min=-1e9), 1)
        chosen = torch.where(right.any(1), of_right, nil[:, 0])
        loss = (importance * (total - chosen)).sum() / importance.sum() + ridge * (weights - drawn_to).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return {name: round(float(weight), 4) for name, weight in zip(names, weights.detach(), strict=True)}
