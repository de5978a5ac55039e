"""Dense stage: names whose vectors are near the mention's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from medlink.inference.names import NameEncoder
from medlink.inference.onnx import FloatArray
from medlink.linking.recent import Recent
from medlink.linking.stages import Hit, Query
from medlink.linking.vectors import Found, VectorIndex, built_vectors, embed_terminology, names_checksum
from medlink.linking.votes import VOTERS, Votes
from medlink.terminology.store import Terminology
from medlink.terminology.words import verbatim_key

log = logging.getLogger(__name__)

# A concept has several names: so many times as many names are asked for as concepts are wanted.
_NAMES = 6
_LEAST = 60
# Vectors of mentions that are remembered.
_REMEMBERED = 20_000


class _Search(NamedTuple):
    """What was searched for last, how many names for each mention, and what was found."""

    of: tuple[Terminology, tuple[str, ...]]
    names: int
    found: Found


class DenseStage:
    """Finds names that mean what the mention means, in whatever words.

    Arguments:
        encoder: Embeds the mentions.
        vectors: The vectors of terminologies' names; those of others are looked for in ``$MEDLINK_HOME``, and
            made where there are none.
    """

    name = "dense"
    final = False

    def __init__(self, encoder: NameEncoder, vectors: Sequence[VectorIndex] = ()) -> None:
        self.encoder = encoder
        self._vectors = {id(index.terminology): index for index in vectors}
        self._recent: Recent[str, FloatArray] = Recent(_REMEMBERED)
        self._votes = Votes()
        self._last: _Search | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return DenseStage, (self.encoder, list(self._vectors.values()))

    def index(self, terminology: Terminology) -> VectorIndex:
        """The vectors of a terminology's names: those given, those built before, or else made now in memory."""
        if id(terminology) not in self._vectors:
            index = self._same_names(terminology) or built_vectors(terminology, self.encoder)
            if index is None:
                log.warning(
                    "embedding the %d names of %s; 'medlink terminology embed' does so once and for all",
                    len(terminology.aliases),
                    terminology.name,
                )
                index = embed_terminology(terminology, self.encoder)
            self._vectors[id(terminology)] = index
        return self._vectors[id(terminology)]

    def embed(self, names: Sequence[str]) -> FloatArray:
        """The vectors of names, each computed once: stages, terminologies and documents ask for the same ones."""
        known = self._recent.get(names)
        if new := [name for name in dict.fromkeys(names) if name not in known]:
            made = dict(zip(new, self.encoder.embed(new), strict=True))
            self._recent.update(made)
            known |= made
        return np.stack([known[name] for name in names])

    def _same_names(self, terminology: Terminology) -> VectorIndex | None:
        """The vectors of another copy of a terminology."""
        for index in self._vectors.values():
            if index.terminology.name == terminology.name and names_checksum(terminology) == index.names_checksum:
                return VectorIndex(index.source, terminology, self.encoder)
        return None

    def retrieve(self, queries: Sequence[Query], terminology: Terminology, k: int) -> list[list[Hit]]:
        """See :meth:`medlink.linking.stages.Stage.retrieve`."""
        if not queries:
            return []
        asked, aliases, cosines = self._search(queries, terminology, max(_LEAST, k * _NAMES))
        # Of a concept's names the nearest, of those as near the first: few of all that were found.
        order = np.lexsort((aliases, -cosines, asked))
        pairs = asked * np.int64(len(terminology)) + terminology.alias_concept[aliases]
        _, best = np.unique(pairs[order], return_index=True)
        kept = order[best]
        hits = list(map(Hit, aliases[kept].tolist(), np.maximum(cosines[kept], 0.0).tolist()))
        ends = np.searchsorted(asked[kept], np.arange(len(queries)), side="right").tolist()
        return [hits[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def votes(self, queries: Sequence[Query], terminology: Terminology) -> list[dict[int, float]]:
        """For each mention, by concept, the share of the near names that are names of it or of a concept below it;
        see :mod:`medlink.linking.votes`. What :meth:`retrieve` just found is not searched for again."""
        if not queries:
            return []
        last, self._last = self._last, None
        if last is not None and last.of == (terminology, _texts(queries)) and last.names >= VOTERS:
            found = last.found
        else:
            found = self._search(queries, terminology, VOTERS)
        return self._votes.count(*found, len(queries), terminology)

    def _search(self, queries: Sequence[Query], terminology: Terminology, names: int) -> Found:
        """The names nearest to mentions."""
        texts = _texts(queries)
        found = self.index(terminology).search_vectors(self.embed([verbatim_key(text) for text in texts]), names)
        # Until the votes are counted.
        self._last = _Search((terminology, texts), names, found)
        return found


def _texts(queries: Sequence[Query]) -> tuple[str, ...]:
    return tuple(query.text for query in queries)
