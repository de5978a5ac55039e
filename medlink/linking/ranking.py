"""Ranking: the stages asked in turn for one terminology, and their evidence weighed.

The cheap stages, which look names up, answer alone where they are sure. The others are asked for what is left: they
search, and the cross-encoder reads the best of what they find.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from medlink.errors import MedlinkError
from medlink.linking.calibration import Calibration
from medlink.linking.dense import DenseStage
from medlink.linking.document_names import DocumentNames
from medlink.linking.evidence import SURE_STAGES, Evidence, first
from medlink.linking.exact import ExactStage, SynonymStage
from medlink.linking.opposites import without_opposites
from medlink.linking.recent import Recent
from medlink.linking.reranker import Reranker
from medlink.linking.stages import Query, Stage
from medlink.terminology.store import Terminology
from medlink.terminology.words import (
    is_abbreviation,
    is_another_word,
    is_kin,
    is_place_of_body,
    misreads_abbreviation,
    tells_of_other,
)
from medlink.types import Candidate

#: Semantic types of ICD-10-CM and HPO that no mention of the label means.
INCOMPATIBLE_TYPES = {
    "CONDITION": frozenset(
        {
            "Chapter or section",
            "External cause",
            "Mode of inheritance",
            "Clinical modifier",
            "Frequency",
            "Blood group",
        }
    )
}
#: Of these, what a mention means only where it is one of their names: a "dog bite", a "mechanical fall".
_BY_NAME = frozenset({"External cause"})
#: What has at least this chance after the stages that look names up is not searched for, and what has it after the
#: search is not read by the cross-encoder,
SURE = 0.8
#: which reads as many candidates as hold this share of the chance that is not NIL's.
READ = 0.9
#: Concepts that a searching stage is asked for at least: a score must not depend on how many candidates are wanted.
SEARCHED = 25
#: Candidates of each searching stage that are weighed.
WEIGHED = 30
# Mentions whose hits are remembered: at most some 80 MB.
_REMEMBERED = 4_000

_Key = tuple[Terminology, str, str, int, bool]


@dataclass(frozen=True, slots=True)
class Ranker:
    """Ranks the concepts of a terminology for mentions.

    Arguments:
        stages: The stages; those that look names up are asked before those that search.
        threshold: Score below which a candidate is marked as NIL.
        calibration: Makes probabilities of what the stages found; None to take the best stage's score.
        reranker: The cross-encoder, if there is one.
        documents: Finds what else the mentions' documents name.
    """

    stages: Sequence[Stage]
    threshold: float
    calibration: Calibration | None = None
    reranker: Reranker | None = None
    documents: DocumentNames = field(default_factory=DocumentNames)
    # What was found for the mentions asked for last, and whether looking names up settled it: none of another ranker's,
    # whose stages ended elsewhere.
    _recent: Recent[_Key, tuple[Evidence, bool]] = field(
        default_factory=lambda: Recent(_REMEMBERED), init=False, compare=False
    )

    def rank(
        self, queries: Sequence[Query], terminology: Terminology, k: int, *, thorough: bool
    ) -> list[list[Candidate]]:
        """Rank concepts for mentions.

        Arguments:
            queries: The mentions.
            terminology: Where to look.
            k: Most candidates for each.
            thorough: Whether further stages are asked also where the first are sure, but found fewer than ``k``.

        Returns:
            For each mention its candidates, best first.
        """
        evidence = self.gather(queries, terminology, k, thorough=thorough)
        # What was found for mentions that are alike, but for their documents, is weighed once.
        known: dict[tuple[int, frozenset[int]], dict[int, float]] = {}
        scores = []
        for one in evidence:
            alike = id(one.hits), one.elsewhere
            if alike not in known:
                known[alike] = self.scores(one, terminology)
            scores.append(known[alike])
        if self.reranker is not None and self.calibration is not None and self.calibration.reads(terminology.name):
            open_ = [i for i, of in enumerate(scores) if unclear(of)]
            orders = [worth_reading(scores[i]) for i in open_]
            self.reranker.read([queries[i] for i in open_], [evidence[i] for i in open_], orders, terminology)
            for i in open_:
                scores[i] = self.scores(evidence[i], terminology)
        made: dict[int, list[Candidate]] = {}
        for one, of in zip(evidence, scores, strict=True):
            if id(of) not in made:
                made[id(of)] = self.candidates(one, of, terminology, k)
        return [list(made[id(of)]) for of in scores]

    def at_first_place(self, query: Query, terminology: Terminology) -> Query:
        """A mention at the first place of its document that has it, so that all its places are linked alike.

        Without a calibration no stage looks at the place, and there is none.
        """
        if self.calibration is None or query.context is None:
            return replace(query, context=None)
        return replace(query, context=self.documents.first_place(query.text, query.context, terminology))

    def gather(
        self, queries: Sequence[Query], terminology: Terminology, k: int, *, thorough: bool = True
    ) -> list[Evidence]:
        """What the stages find for mentions; arguments as for :meth:`rank`."""
        # A mention that stands in several places and documents is looked for once.
        keys = [(terminology, query.text, query.label, k, thorough) for query in queries]
        found = self._recent.get(keys)
        new = {key: query for key, query in zip(keys, queries, strict=True) if key not in found}
        if new:
            evidence = self._find(list(new.values()), terminology, k, thorough)
            made = {key: (one, self.settled(one, terminology)) for key, one in zip(new, evidence, strict=True)}
            self._recent.update(made)
            found |= made
        nowhere = frozenset[int]()
        return [
            one.in_document(
                self.documents.elsewhere(query.context, terminology)
                if self.calibration is not None and query.context and not settled
                else nowhere
            )
            for (one, settled), query in zip(map(found.__getitem__, keys), queries, strict=True)
        ]

    def with_names(self, queries: Iterable[Query], terminology: Terminology) -> list[bool]:
        """For each mention whether looking names up finds any."""
        asked = list(queries)
        found = [stage.retrieve(asked, terminology, SEARCHED) for stage in self.stages if stage.final]
        return [any(of[i] for of in found) for i in range(len(asked))]

    def _find(self, queries: Sequence[Query], terminology: Terminology, k: int, thorough: bool) -> list[Evidence]:
        """What the stages find for mentions, wherever they stand; arguments as for :meth:`rank`."""
        evidence = [Evidence(query.text) for query in queries]
        asked = [i for i, query in enumerate(queries) if query.text.strip()]
        unfit = {label: terminology.of_no_other_types(types) for label, types in INCOMPATIBLE_TYPES.items()}
        unnamed = {
            label: terminology.of_no_other_types(types - _BY_NAME) for label, types in INCOMPATIBLE_TYPES.items()
        }

        def ask(stage: Stage, of: Sequence[int]) -> None:
            found = stage.retrieve([queries[i] for i in of], terminology, max(k, SEARCHED))
            for i, hits in zip(of, found, strict=True):
                if not stage.final:
                    names = _that_may_mean(queries[i].text, {hit.alias: terminology.aliases[hit.alias] for hit in hits})
                    hits = [hit for hit in hits if hit.alias in names]
                left_out = unnamed if stage.name == ExactStage.name else unfit
                evidence[i].add(stage.name, hits, terminology, left_out.get(queries[i].label))

        for stage in self.stages:
            if stage.final:
                # A name of the terminology's own leaves nothing to borrow: a namesake's would only be its rival.
                ask(stage, [i for i in asked if not (stage.name == SynonymStage.name and evidence[i].hits)])
        searched = [
            i
            for i in asked
            if not self.settled(evidence[i], terminology) or (thorough and len(evidence[i].concepts()) < k)
        ]
        for stage in self.stages:
            if not stage.final:
                ask(stage, searched)
        if self.calibration is not None:
            for i in searched:
                evidence[i].add_broader(terminology)
            for one in evidence:
                one.drop_unweighed(WEIGHED)
            dense = self._dense()
            if dense is not None:
                votes = dense.votes([queries[i] for i in searched], terminology)
                for i, shares in zip(searched, votes, strict=True):
                    evidence[i].add_votes(shares, terminology)
        return evidence

    def open_candidates(self, queries: Sequence[Query], terminology: Terminology) -> list[tuple[Evidence, list[int]]]:
        """What the cross-encoder would read: for each mention the evidence and the concepts, best first.

        The concepts of a mention that looking names up settles are left out.
        """
        evidence = self.gather(queries, terminology, SEARCHED, thorough=False)
        return [
            (one, [] if self.settled(one, terminology) else first(self.scores(one, terminology))) for one in evidence
        ]

    def nearest(self, names: Sequence[str], terminology: Terminology, k: int) -> list[list[int]]:
        """The aliases nearest to names, by the dense stage.

        Raises:
            MedlinkError: The linker has no encoder.
        """
        dense = self._dense()
        if dense is None:
            raise MedlinkError("the linker has no encoder; load a model that has one")
        return [aliases for aliases, _ in dense.index(terminology).search(names, k)]

    def _dense(self) -> DenseStage | None:
        return next((stage for stage in self.stages if isinstance(stage, DenseStage)), None)

    def settled(self, evidence: Evidence, terminology: Terminology) -> bool:
        """Whether looking names up is sure of a concept."""
        if self.calibration is None:
            return bool(evidence.sure())
        return max(self._sure_scores(evidence, terminology).values(), default=0.0) >= SURE

    def _sure_scores(self, evidence: Evidence, terminology: Terminology) -> dict[int, float]:
        assert self.calibration is not None
        concepts = evidence.sure()
        features = evidence.features(concepts, terminology)
        chances = self.calibration.probabilities(features, terminology.name, "exact")
        return dict(zip(concepts, chances.tolist(), strict=True))

    def scores(self, evidence: Evidence, terminology: Terminology) -> dict[int, float]:
        """The score of each concept that was found for a mention and is worth weighing."""
        if self.calibration is None:
            return {concept: evidence.best(concept)[0].score for concept in evidence.concepts()}
        # What looking up names is sure of stands, whatever the search finds: all else shares what is left.
        sure = {c: chance for c, chance in self._sure_scores(evidence, terminology).items() if chance >= SURE}
        left = 1 - sum(sure.values())
        concepts = sorted(evidence.concepts() - sure.keys())
        model = "reranked" if evidence.reranked else "full"
        features = evidence.features(concepts, terminology)
        chances = self.calibration.probabilities(features, terminology.name, model) * left
        return sure | dict(zip(concepts, chances.tolist(), strict=True))

    def candidates(
        self, evidence: Evidence, scores: Mapping[int, float], terminology: Terminology, k: int
    ) -> list[Candidate]:
        """The best ``k`` candidates of what was found for a mention, by its :meth:`scores`."""
        # Where a category and a code below it bear the same name, the code is meant.
        order = sorted(scores, key=lambda c: (-round(scores[c], 6), terminology.is_parent(c), c))
        abbreviation = is_abbreviation(evidence.text)
        candidates = []
        for concept in order[:k]:
            hit, stage = evidence.best(concept)
            alias = terminology.aliases[hit.alias]
            # That an abbreviation looks like another is no reason to link it, whatever the chance.
            strange = abbreviation and stage not in SURE_STAGES and not is_kin(evidence.text, alias)
            stages = {name: round(one.score, 4) for name, one in evidence.found(concept).items()}
            if (share := evidence.votes.get(concept, (0.0, 0.0))[0]) > 0:
                stages["votes"] = round(share, 4)
            if concept in evidence.reranked:
                stages["rerank"] = round(evidence.reranked[concept], 4)
            candidates.append(
                Candidate(
                    concept_id=terminology.concept_ids[concept],
                    terminology=terminology.name,
                    name=terminology.concept_name(concept),
                    alias=alias,
                    score=round(scores[concept], 4),
                    stage=stage,
                    nil=strange or scores[concept] < self.threshold,
                    via=hit.via,
                    query=evidence.text,
                    stages=stages,
                )
            )
        return candidates


def _that_may_mean(mention: str, names: Mapping[int, str]) -> dict[int, str]:
    """The names that a search found, by whatever number, but for those that only look like a mention."""
    names = without_opposites(names, mention)
    names = {number: name for number, name in names.items() if not tells_of_other(mention, name)}
    if is_place_of_body(mention):
        names = {number: name for number, name in names.items() if is_place_of_body(name)}
    if is_abbreviation(mention):
        return {number: name for number, name in names.items() if not misreads_abbreviation(mention, name)}
    if " " not in mention:
        return {number: name for number, name in names.items() if not is_another_word(mention, name)}
    return names


def unclear(scores: Mapping[int, float]) -> bool:
    """Whether neither looking names up nor searching made clear which concept is meant."""
    return 0 < max(scores.values(), default=0.0) < SURE


def worth_reading(scores: Mapping[int, float]) -> list[int]:
    """The concepts with the largest chances, best first, that together hold nearly all that NIL leaves."""
    order = first(scores)
    held = np.cumsum([scores[concept] for concept in order])
    return order[: max(2, int(np.searchsorted(held, READ * held[-1])) + 1)]
