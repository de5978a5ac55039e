"""Strict scores of mentions: right only with the same offsets and label, as seqeval counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Span = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Scores:
    """Counts of gold, predicted and right mentions, and what follows from them."""

    gold: int
    predicted: int
    right: int

    @property
    def precision(self) -> float:
        """Share of the predicted mentions that are right; 0 where none is predicted."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold mentions that are found; 0 where there is none."""
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.gold + self.predicted
        return 2 * self.right / both if both else 0.0


def score_spans(gold: Sequence[Iterable[Span]], predicted: Sequence[Iterable[Span]]) -> dict[str, Scores]:
    """Score the mentions of documents.

    The figures are those of ``seqeval.metrics.classification_report`` in its default mode, over spans
    instead of tag sequences, so that mentions of different labels may overlap.

    Arguments:
        gold: For each document its gold mentions as (label, start, end).
        predicted: For each document the predicted ones, in the same order.

    Returns:
        Scores by label, and over all labels under ``"micro"``.
    """
    counts: dict[str, list[int]] = {"micro": [0, 0, 0]}
    for expected, found in zip(gold, predicted, strict=True):
        expected, found = set(expected), set(found)
        for position, spans in enumerate((expected, found, expected & found)):
            for label, _, _ in spans:
                counts.setdefault(label, [0, 0, 0])[position] += 1
                counts["micro"][position] += 1
    return {label: Scores(*three) for label, three in sorted(counts.items())}
