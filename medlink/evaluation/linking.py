"""Evaluation of linking on gold mentions: accuracy, recall, NIL, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from medlink.errors import MedlinkError
from medlink.evaluation.marked import read_marked
from medlink.formats.gsc import read_gsc
from medlink.formats.pubtator import read_pubtator
from medlink.formats.text import read_text
from medlink.linking.annotated import AnnotatedStage
from medlink.linking.linker import Linker, expand_queries
from medlink.linking.priors import LIST, PriorStage
from medlink.linking.stages import Context, Query
from medlink.terminology.readers import READERS
from medlink.terminology.store import SCOPE_NUMBER, Terminology
from medlink.terminology.words import is_abbreviation, verbatim_key
from medlink.types import Candidate

_RANKS = (1, 5, 25)
_BINS = 10


@dataclass(frozen=True, slots=True)
class GoldMention:
    """A mention and the concepts that it means.

    Arguments:
        text: The mention.
        concept_ids: The concepts, any of which is right; none for a mention that no concept fits.
        context: The document it stands in, where there is one.
    """

    text: str
    concept_ids: tuple[str, ...]
    context: Context | None = None


@dataclass(slots=True)
class LinkScores:
    """How well mentions were linked.

    Arguments:
        mentions: Mentions that a concept of the terminology fits.
        right: By rank, those with a right concept up to there.
        reciprocal: Sum of the reciprocal ranks of the first right concept.
        nil_gold: Mentions that no concept fits.
        nil_found: Mentions answered with NIL.
        nil_right: Those of them that no concept fits.
        answers: For each mention with an answer, its score and whether it is right.
        above: Answers that are not NIL.
        above_right: Those of them that are right.
        wrong: Text, names of the right concepts, and the answer, of the rest.
        groups: The same for parts of the mentions: seen in training or not, and what kind of name the mention is.
    """

    mentions: int = 0
    right: dict[int, int] = field(default_factory=lambda: dict.fromkeys(_RANKS, 0))
    reciprocal: float = 0.0
    nil_gold: int = 0
    nil_found: int = 0
    nil_right: int = 0
    answers: list[tuple[float, bool]] = field(default_factory=list)
    above: int = 0
    above_right: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)
    groups: dict[str, LinkScores] = field(default_factory=dict)

    def accuracy(self, rank: int = 1) -> float:
        """Share of the mentions with a right concept among the first ``rank``."""
        return self.right[rank] / self.mentions if self.mentions else 0.0

    @property
    def mrr(self) -> float:
        """Mean reciprocal rank of the first right concept."""
        return self.reciprocal / self.mentions if self.mentions else 0.0

    @property
    def nil_precision(self) -> float:
        """Share of the NIL answers that are right."""
        return self.nil_right / self.nil_found if self.nil_found else 0.0

    @property
    def nil_recall(self) -> float:
        """Share of the mentions without a concept that were answered with NIL."""
        return self.nil_right / self.nil_gold if self.nil_gold else 0.0

    @property
    def above_precision(self) -> float:
        """Share of the answers at the threshold and above that are right."""
        return self.above_right / self.above if self.above else 0.0

    @property
    def calibration_error(self) -> float:
        """Expected calibration error over ten bins of the score (Guo et al. 2017)."""
        return sum(abs(mean - share) * count for mean, share, count in self.reliability()) / max(1, len(self.answers))

    def reliability(self) -> list[tuple[float, float, int]]:
        """For each bin of the score that is not empty, the mean score, the share that is right, and the answers."""
        scores = np.array([score for score, _ in self.answers])
        right = np.array([hit for _, hit in self.answers])
        bins = np.minimum((scores * _BINS).astype(int), _BINS - 1)
        return [
            (float(scores[bins == one].mean()), float(right[bins == one].mean()), int((bins == one).sum()))
            for one in np.unique(bins)
        ]

    def add(self, gold: frozenset[str], candidates: Sequence[Candidate]) -> None:
        """Count a mention.

        Arguments:
            gold: Its concepts; none where no concept fits.
            candidates: What was answered, best first.
        """
        hits = [rank for rank, candidate in enumerate(candidates, start=1) if candidate.concept_id in gold]
        nil = not candidates or candidates[0].nil
        self.nil_found += nil
        self.above += not nil
        self.above_right += not nil and hits[:1] == [1]
        if candidates:
            self.answers.append((candidates[0].score, hits[:1] == [1]))
        if not gold:
            self.nil_gold += 1
            self.nil_right += nil
            return
        self.mentions += 1
        if hits:
            self.reciprocal += 1 / hits[0]
            for rank in _RANKS:
                self.right[rank] += hits[0] <= rank


def read_gold(path: str | Path, labels: Sequence[str] = ()) -> list[GoldMention]:
    """The mentions of an annotated corpus.

    Arguments:
        path: A PubTator file, one in the format of HPO GSC+ (``.tsv``), or a folder of marked notes, whose mentions
            with a code are taken.
        labels: Labels of the mentions to take; empty for all.

    Raises:
        MedlinkError: The file cannot be read, or has no such mention.
    """
    if Path(path).is_dir():
        return _read_codes(Path(path), labels)
    read = read_gsc if Path(path).suffix == ".tsv" else read_pubtator
    found = [
        GoldMention(document.text[m.start : m.end], m.concept_ids, (document.text, m.start, m.end))
        for document in read(path)
        for m in document.mentions
        if not labels or m.label in labels
    ]
    if not found:
        raise MedlinkError(f"{path}: no mention has one of the labels {', '.join(labels)}; see its fifth column")
    return found


def _read_codes(folder: Path, labels: Sequence[str]) -> list[GoldMention]:
    found = [
        GoldMention(text[m.start : m.end], (m.code,), (text, m.start, m.end))
        for text, mentions in read_marked(folder)
        for m in mentions
        if m.code and (not labels or m.label in labels)
    ]
    if not found:
        raise MedlinkError(f"{folder}: no mention has a code; see corpora/README.md for marked notes")
    return found


def read_unknown(path: str | Path) -> list[GoldMention]:
    """Mentions that no concept fits, one a line; ``#`` begins a comment."""
    lines = read_text(Path(path)).splitlines()
    return [GoldMention(line.strip(), ()) for line in lines if line.strip() and not line.startswith("#")]


def meanings(gold: Sequence[GoldMention], terminology: Terminology) -> list[tuple[str, str]]:
    """What mentions mean, as :meth:`medlink.linking.priors.Priors.count` takes it; open abbreviations are left out."""
    queries = [Query(one.text, one.context) for one in gold]
    found = []
    for one, expansion in zip(gold, expand_queries(queries), strict=True):
        rows = {row for id_ in one.concept_ids if (row := terminology.row(id_)) is not None}
        if not expansion.open:
            found.append((expansion.text, LIST.join(sorted(terminology.concept_ids[row] for row in rows))))
    return found


def leave_out(linker: Linker, gold: Sequence[GoldMention]) -> Linker:
    """A linker of one terminology whose priors do not count a corpus, so that it can be measured on it.

    Raises:
        MedlinkError: The linker's priors do not count the corpus.
    """
    (terminology,) = linker.terminologies
    left, counted = copy(linker), meanings(gold, terminology)
    left.stages = [
        stage.without(counted) if isinstance(stage, PriorStage | AnnotatedStage) else stage for stage in linker.stages
    ]
    left.ranker = replace(linker.ranker, stages=left.stages)
    return left


def crosswalk_gold(files: Sequence[Path], prefix: str, format: str = "obo") -> list[GoldMention]:
    """The names of a terminology whose concepts have cross-references into another, as mentions of these.

    Arguments:
        files: Files of the terminology.
        prefix: What the cross-references begin with, as ``"ICD10CM"``.
        format: Its format, as for ``medlink terminology build``.
    """
    gold: dict[str, dict[str, None]] = {}
    for concept in READERS[format].read(files).concepts:
        ids = [xref.partition(":")[2] for xref in concept.xrefs if xref.startswith(f"{prefix}:")]
        names = [concept.name, *(alias.text for alias in concept.aliases if alias.scope == "exact")]
        for name in names if ids else ():
            gold.setdefault(name, {}).update(dict.fromkeys(ids))
    return [GoldMention(name, tuple(ids)) for name, ids in sorted(gold.items())]


def evaluate_linking(
    linker: Linker,
    terminology: Terminology,
    gold: Sequence[GoldMention],
    *,
    seen: Iterable[str] = (),
    category: int = 0,
) -> LinkScores:
    """Link gold mentions and score the answers of one terminology.

    Arguments:
        linker: The linker.
        terminology: One of its terminologies.
        gold: The mentions; concept ids that the terminology lacks do not count.
        seen: Mentions seen in training.
        category: Compare only so many first characters of the concept ids; 0 for all.
    """

    def cut(concept_id: str) -> str:
        return concept_id[:category] if category else concept_id

    known = {verbatim_key(text) for text in seen}
    scores = LinkScores()
    answers = linker.link([one.text for one in gold], [one.context for one in gold], k=max(_RANKS))
    for one, candidates in zip(gold, answers, strict=True):
        rows = {row for id_ in one.concept_ids if (row := terminology.row(id_)) is not None}
        right = frozenset(cut(terminology.concept_ids[row]) for row in rows)
        own = [candidate for candidate in candidates if candidate.terminology == terminology.name]
        merged: dict[str, Candidate] = {}
        for candidate in own:
            merged.setdefault(cut(candidate.concept_id), candidate)
        ranked = [_with_id(candidate, id_) for id_, candidate in merged.items()]
        scores.add(right, ranked)
        if not (ranked and ranked[0].concept_id in right) and (right or (ranked and not ranked[0].nil)):
            names = ", ".join(terminology.concept_name(row) for row in sorted(rows)) or "NIL"
            answer = f"{ranked[0].name} ({ranked[0].stage}, {ranked[0].score:.2f})" if ranked else "NIL"
            scores.wrong.append((one.text, names, answer))
        if right:
            groups = ["seen" if verbatim_key(one.text) in known else "unseen"] if known else []
            for group in [*groups, _kind(one.text, rows, terminology)]:
                scores.groups.setdefault(group, LinkScores()).add(right, ranked)
    return scores


def _with_id(candidate: Candidate, concept_id: str) -> Candidate:
    return candidate if candidate.concept_id == concept_id else replace(candidate, concept_id=concept_id)


def _kind(text: str, rows: Iterable[int], terminology: Terminology) -> str:
    """What the mention is to its concepts: their preferred name, another name, an abbreviation, or none of these."""
    scopes = {
        int(terminology.alias_scope[alias])
        for alias in terminology.exact(text)
        if int(terminology.alias_concept[alias]) in set(rows)
    }
    if SCOPE_NUMBER["preferred"] in scopes:
        return "preferred name"
    if scopes:
        return "synonym"
    return "abbreviation" if is_abbreviation(text) else "other words"
