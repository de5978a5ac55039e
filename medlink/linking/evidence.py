"""What the stages found for a mention in one terminology, and the features that its score is computed from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np
import numpy.typing as npt

from medlink.inference.onnx import FloatArray
from medlink.linking.stages import Hit, worth
from medlink.terminology.store import Terminology
from medlink.terminology.words import is_abbreviation, spelled

#: Stages whose hits alone may answer.
SURE_STAGES = ("exact", "synonym", "prior")
#: What is known about a candidate, in the order of the columns.
FEATURES = (
    "verbatim",  # a name of the concept is the mention, but for number and spelling
    "same_words",  # a name has the same words in another order or derivation
    "synonym",  # the namesake in another terminology has such a name
    "loose",  # what that name falls short by its scope
    "abbreviation",  # that name is an abbreviation
    "prior",  # how often the mention meant the concept in annotated text,
    "prior_alone",  # that where no name leads to it,
    "prior_other",  # and how often it meant another
    "preferred",  # that name, or one with its words, is the concept's preferred one
    "category",  # a concept below it has such a name too
    "elsewhere",  # the document names it at another place, in other words
    "lexical",  # score of the lexical stage
    "lexical_first",  # best of that stage
    "dense",  # cosine of the nearest name
    "dense_first",  # best of that stage
    "dense_ahead",  # by how much the cosine exceeds that of the next concept
    "votes",  # root of the share of the near names that are its own, or of concepts below it,
    "votes_above",  # and that of the concept above it
    "annotated",  # how near names are that meant the concept in annotated text, and how often they did
    "broader",  # score of the best concept not far below it
    "above_first",  # it is not far above what looking names up found, or else the best of the dense stage
    "parent",  # there are concepts below it
    "rerank",  # logit of the cross-encoder against NIL
    "bias",
)
#: What finds the concepts above those that were found: where no narrow one fits, a broad one may.
BROADER = "broader"
# Concepts of each stage that the ones above are taken of, and how far above.
_NARROW, _UP = 5, 2
_COLUMN = {name: i for i, name in enumerate(FEATURES)}


@dataclass(slots=True)
class Evidence:
    """What was found for one mention in one terminology.

    Arguments:
        text: The mention as it was looked up.
        hits: By stage, for each concept that it found the best name.
        reranked: For each concept that the cross-encoder read, its logit against NIL.
        elsewhere: Those of the concepts that its document names at another place.
        farthest: The lowest score of the dense stage among the hits that were dropped.
        votes: By concept, the share of the near names that are its own or of concepts below it, and that of the concept
            right above it.
    """

    text: str
    hits: dict[str, dict[int, Hit]] = field(default_factory=dict)
    reranked: dict[int, float] = field(default_factory=dict)
    elsewhere: frozenset[int] = frozenset()
    farthest: float = 1.0
    votes: dict[int, tuple[float, float]] = field(default_factory=dict)
    # By concepts, their features as far as no document tells them.
    _features: dict[tuple[int, ...], FloatArray] = field(default_factory=dict, init=False, repr=False, compare=False)

    def add(
        self, stage: str, hits: Sequence[Hit], terminology: Terminology, unfit: npt.NDArray[np.bool_] | None = None
    ) -> None:
        """Keep the best hit of a stage for each concept.

        Arguments:
            stage: The stage.
            hits: What it found.
            terminology: The terminology.
            unfit: For each concept whether it is left out.
        """
        self._features.clear()
        rows = terminology.alias_concept[np.array([hit.alias for hit in hits], dtype=np.int64)]
        if unfit is not None:
            fit = ~unfit[rows]
            hits = list(compress(hits, fit.tolist()))
            rows = rows[fit]
        best = dict(self.hits.get(stage, {}))
        for concept, hit in zip(rows.tolist(), hits, strict=True):
            known = best.get(concept)
            # Of two names as good, the first is the preferred one.
            if known is None or (hit.score, -hit.alias) > (known.score, -known.alias):
                best[concept] = hit
        if best:
            self.hits[stage] = best

    def concepts(self) -> set[int]:
        """The concepts that any stage found."""
        return set[int]().union(*self.hits.values())

    def found(self, concept: int) -> dict[str, Hit]:
        """The hits of a concept by stage, in the order of the stages."""
        return {stage: hits[concept] for stage, hits in self.hits.items() if concept in hits}

    def best(self, concept: int) -> tuple[Hit, str]:
        """The hit that a concept is shown with, and its stage: of the surest stage that found it."""
        by_stage = self.found(concept)
        stage = next((one for one in SURE_STAGES if one in by_stage), None)
        if stage is None:
            stage = max(by_stage, key=lambda one: (one != BROADER, by_stage[one].score))
        return by_stage[stage], stage

    def sure(self) -> list[int]:
        """The concepts that looking the mention up found."""
        return sorted(set[int]().union(*(self.hits.get(stage, ()) for stage in SURE_STAGES)))

    def weighed(self, most: int) -> list[int]:
        """The concepts worth weighing: those looked up, and the best ``most`` of each stage that searches."""
        return sorted({*self.sure(), *(concept for hits in self.hits.values() for concept in _best(hits)[:most])})

    def add_broader(self, terminology: Terminology) -> None:
        """Find the concepts above the best of each stage."""
        narrow: dict[int, float] = {}
        for hits in self.hits.values():
            for concept in _best(hits)[:_NARROW]:
                narrow[concept] = max(hits[concept].score, narrow.get(concept, 0.0))
        broad: dict[int, float] = {}
        for concept, score in narrow.items():
            for above in terminology.ancestors_alike(concept, _UP):
                broad[above] = max(score, broad.get(above, 0.0))
        self.add(BROADER, [Hit(terminology.alias_rows(row)[0], score) for row, score in broad.items()], terminology)

    def drop_unweighed(self, most: int) -> None:
        """Keep the hits of the concepts worth weighing; argument as for :meth:`weighed`."""
        self.farthest = min((hit.score for hit in self.hits.get("dense", {}).values()), default=self.farthest)
        self._keep(self.weighed(most))

    def add_votes(self, shares: Mapping[int, float], terminology: Terminology) -> None:
        """Keep the votes for the concepts that were found.

        Arguments:
            shares: By concept, the share of the near names that are its own or of concepts below it.
            terminology: The terminology.
        """
        self._features.clear()
        for concept in self.concepts():
            above = terminology.ancestors_alike(concept, 1) or {concept}
            self.votes[concept] = shares.get(concept, 0.0), max(shares.get(one, 0.0) for one in above)

    def without(self, concepts: Collection[int]) -> Evidence:
        """The same without some concepts."""
        left = replace(self)
        left._keep(self.concepts().difference(concepts))
        return left

    def _keep(self, concepts: Collection[int]) -> None:
        self.hits = {
            stage: kept
            for stage, hits in self.hits.items()
            if (kept := {concept: hits[concept] for concept in concepts if concept in hits})
        }
        self._features = {}

    def in_document(self, elsewhere: frozenset[int]) -> Evidence:
        """The same found for a mention in a document that names some concepts elsewhere."""
        if elsewhere:
            elsewhere &= self.concepts()
        own = Evidence(self.text, self.hits, {}, elsewhere, self.farthest, self.votes)
        own._features = self._features
        return own

    def features(self, concepts: list[int], terminology: Terminology) -> FloatArray:
        """The features of concepts. Shape (concepts, features)."""
        key = tuple(concepts)
        if key not in self._features:
            self._features[key] = self._features_of_hits(concepts, terminology)
        values = self._features[key].copy()
        # What was too far down for the cross-encoder to read is less likely than what it read.
        values[:, _COLUMN["rerank"]] = min(self.reranked.values(), default=1.0) - 1.0
        if self.elsewhere or self.reranked:
            for row, concept in enumerate(concepts):
                values[row, _COLUMN["elsewhere"]] = concept in self.elsewhere
                if concept in self.reranked:
                    values[row, _COLUMN["rerank"]] = self.reranked[concept]
        return values

    def _features_of_hits(self, concepts: list[int], terminology: Terminology) -> FloatArray:
        values = np.zeros((len(concepts), len(FEATURES)), dtype=np.float32)
        values[:, _COLUMN["bias"]] = 1
        sure = set(self.sure())
        parents = {parent for concept in sure for parent in terminology.ancestors(concept)}
        priors = self.hits.get("prior", {})
        values[:, _COLUMN["prior_other"]] = sum(hit.score for hit in priors.values())
        row_of = {concept: row for row, concept in enumerate(concepts)}
        for concept in sure & row_of.keys():
            by_stage = self.found(concept)
            own = values[row_of[concept]]
            if exact := by_stage.get("exact"):
                name = terminology.aliases[exact.alias]
                own[_COLUMN["verbatim" if spelled(name) == spelled(self.text) else "same_words"]] = 1
                own[_COLUMN["loose"]] = 1 - worth(terminology, exact.alias)
                own[_COLUMN["abbreviation"]] = is_abbreviation(name)
                preferred = terminology.alias_rows(concept)[0]
                own[_COLUMN["preferred"]] = exact.alias == preferred or preferred in terminology.same_words(self.text)
            elif synonym := by_stage.get("synonym"):
                own[_COLUMN["synonym"]] = synonym.score
                own[_COLUMN["loose"]] = 1 - worth(terminology, synonym.alias)
            if prior := by_stage.get("prior"):
                own[_COLUMN["prior_other"]] = sum(hit.score for other, hit in priors.items() if other != concept)
                own[_COLUMN["prior" if exact or "synonym" in by_stage else "prior_alone"]] = prior.score
            own[_COLUMN["category"]] = concept in parents
        for stage in (BROADER, "annotated"):
            hits = self.hits.get(stage, {})
            for concept in hits.keys() & row_of.keys():
                values[row_of[concept], _COLUMN[stage]] = hits[concept].score
        voted = [self.votes.get(concept, (0.0, 0.0)) for concept in concepts]
        values[:, [_COLUMN["votes"], _COLUMN["votes_above"]]] = np.sqrt(np.array(voted).reshape(-1, 2))
        for stage in ("lexical", "dense"):
            self._compare(stage, concepts, values)
        top = sure or _best(self.hits.get("dense", {}))[:1]
        above = set[int]().union(*(terminology.ancestors_alike(concept, _UP) for concept in top))
        values[:, _COLUMN["above_first"]] = [concept in above for concept in concepts]
        values[:, _COLUMN["parent"]] = [terminology.is_parent(concept) for concept in concepts]
        return values

    def _compare(self, stage: str, concepts: list[int], values: FloatArray) -> None:
        """Fill the columns of a stage, which depend on all that it found."""
        scores = {concept: hit.score for concept, hit in self.hits.get(stage, {}).items()}
        if not scores:
            return
        ordered = sorted(scores.values(), reverse=True)
        # What a stage did not find is at most as near as the last that it found.
        least = min(ordered[-1], self.farthest) if stage == "dense" else 0.0
        own = np.array([scores.get(concept, least) for concept in concepts])
        values[:, _COLUMN[stage]] = own
        values[:, _COLUMN[f"{stage}_first"]] = own == ordered[0]
        if stage == "dense":
            other = np.where(own == ordered[0], ordered[min(1, len(ordered) - 1)], ordered[0])
            values[:, _COLUMN["dense_ahead"]] = own - other


def first(scores: Mapping[int, float]) -> list[int]:
    """Concepts by falling score; of equal ones the one with the smaller row first."""
    return sorted(scores, key=lambda concept: (-round(scores[concept], 6), concept))


def _best(hits: Mapping[int, Hit]) -> list[int]:
    """The same for the hits of a stage, whose scores are rounded as they are."""
    return sorted(hits, key=lambda concept: (-hits[concept].score, concept))
