"""Votes: what the names near to a mention's speak for together, each the more the nearer it is.

The nearest name alone may be of a neighbour; where ten of the twenty nearest are of codes below E71.3, it is most
likely one of these. A vote for a concept is one for those above it too. Votes that fall with the distance are Dudani's
(The distance-weighted k-nearest-neighbor rule, 1976); by the exponential of it, as Khandelwal et al. do (ICLR 2020).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain

import numpy as np
import numpy.typing as npt

from medlink.terminology.store import Terminology

Integers = npt.NDArray[np.int64]

#: Names that vote, the nearest ones: no more, however many were searched for.
VOTERS = 150
# By how much a vote grows, as a logarithm, where the cosine grows by 1.
_SHARPNESS = 12.0


class Votes:
    """Counts the votes of near names; remembers what stands above the concepts that it met."""

    def __init__(self) -> None:
        self._lines: dict[Terminology, dict[int, list[int]]] = defaultdict(dict)

    def count(
        self,
        asked: Integers,
        aliases: Integers,
        cosines: npt.NDArray[np.float64],
        mentions: int,
        terminology: Terminology,
    ) -> list[dict[int, float]]:
        """Count the votes.

        Arguments:
            asked: For each name found the mention that it is near to, in order. Shape (found,).
            aliases: Its row in the terminology; of one mention the nearest first. Shape (found,).
            cosines: How near it is. Shape (found,).
            mentions: How many mentions there are.
            terminology: The terminology of the names.

        Returns:
            For each mention, by concept, the share of the votes that are for it or a concept below it, between 0 and
            1; to six decimals.
        """
        starts = np.searchsorted(asked, np.arange(mentions))
        voting = np.arange(len(asked)) - starts[asked] < VOTERS
        weights = np.exp(_SHARPNESS * (cosines - cosines[starts][asked]))[voting]
        asked, concepts = asked[voting], terminology.alias_concept[aliases[voting]].astype(np.int64)
        total = np.bincount(asked, weights, mentions)
        met, of_met = np.unique(concepts, return_inverse=True)
        lines = [self._line(concept, terminology) for concept in met.tolist()]
        lengths = np.array([len(line) for line in lines], np.int64)
        all_of = np.fromiter(chain.from_iterable(lines), np.int64, int(lengths.sum()))
        counts = lengths[of_met]
        # For each vote the places of its concept's line, one after the other.
        first = np.repeat((np.cumsum(lengths) - lengths)[of_met] - (np.cumsum(counts) - counts), counts)
        for_ = all_of[first + np.arange(len(first))]
        keys, of_key = np.unique(np.repeat(asked, counts) * len(terminology) + for_, return_inverse=True)
        sums = np.bincount(of_key, np.repeat(weights, counts), len(keys))
        of_mention, concept = np.divmod(keys, len(terminology))
        shares = np.round(sums / total[of_mention], 6).tolist()
        ends = np.searchsorted(of_mention, np.arange(mentions), side="right").tolist()
        rows = concept.tolist()
        return [
            dict(zip(rows[start:end], shares[start:end], strict=True))
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    def _line(self, concept: int, terminology: Terminology) -> list[int]:
        """A concept and those above it, but for those of another semantic type, as chapters are."""
        known = self._lines[terminology]
        if concept not in known:
            known[concept] = sorted({concept, *terminology.ancestors_alike(concept)})
        return known[concept]
