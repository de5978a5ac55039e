"""Lexical stage: names that share rare words with the mention, words compared by character trigrams.

Names are retrieved over an inverted index of their words. A word of the mention stands for itself and for
the words of the terminology that look like it, so that a typing error costs little. What is retrieved is
scored with rapidfuzz.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from rapidfuzz.fuzz import ratio

from medlink.linking.stages import Hit, Query, worth
from medlink.terminology.store import Terminology, gram_hash, trigrams
from medlink.terminology.words import stem, stems_of, verbatim_key

# A word of the name that the mention lacks says something that the note does not: it counts more than a
# word of the mention that the name lacks (Tversky's index).
_MISSING, _ADDED = 0.8, 2.0
# The best lexical hit stays below the worst exact one.
_CEILING = 0.92
# Words this much alike count as the same misspelt; short ones must be equal.
_ALIKE = 0.8
_SHORT = 5
# A word that more names hold than this retrieves nothing unless all words are that common.
_COMMON = 20_000
_SCORED = 64
# Different words that are remembered, and names: at most some 10 MB.
_KNOWN = 50_000
_KNOWN_NAMES = 20_000
# Words that turn a name into another concept when only one side has them, and by how much the score falls.
_OPPOSITES = tuple(
    (re.compile(rf"\b(?:{one})\b"), re.compile(rf"\b(?:{other})\b"))
    for one, other in (
        ("left", "right"),
        ("acute", "chronic"),
        ("upper", "lower"),
        ("benign", "malignant"),
        ("congenital", "acquired"),
        ("primary", "secondary"),
        ("hyper\\w+", "hypo\\w+"),
        ("increased", "decreased"),
    )
)
_NEGATIONS = frozenset(map(stem, ("no", "not", "non", "without", "except", "absence")))
_OPPOSITE_FACTOR, _NEGATION_FACTOR, _NUMBER_FACTOR = 0.6, 0.8, 0.75


class LexicalStage:
    """Finds names that look like the mention."""

    name = "lexical"
    final = False

    def __init__(self) -> None:
        self._alike: WeakKeyDictionary[Terminology, dict[str, dict[int, float]]] = WeakKeyDictionary()
        self._names: WeakKeyDictionary[Terminology, _Names] = WeakKeyDictionary()

    def __getstate__(self) -> dict[str, object]:
        return {}

    def __setstate__(self, state: dict[str, object]) -> None:
        LexicalStage.__init__(self)

    def retrieve(self, queries: Sequence[Query], terminology: Terminology, k: int) -> list[list[Hit]]:
        """See :meth:`medlink.linking.stages.Stage.retrieve`."""
        return [self._one(query.text, terminology) for query in queries]

    def _one(self, text: str, terminology: Terminology) -> list[Hit]:
        stems = sorted(set(stems_of(text)))
        alike = [self._similar_words(word, terminology) for word in stems]
        if not any(alike):
            return []
        weights = terminology.word_weight
        # A word that no name holds counts as much as the rarest: what it says is not in the terminology.
        unknown = float(weights.max())
        own_weight = [max((float(weights[row]) for row in words), default=unknown) for words in alike]
        aliases, overlap = _retrieve(alike, own_weight, terminology)
        if not len(aliases):
            return []
        missing = np.maximum(0.0, sum(own_weight) - overlap)
        added = np.maximum(0.0, terminology.alias_weight[aliases] - overlap)
        shares = overlap / (overlap + (_MISSING * missing + _ADDED * added) / 2)
        best = np.argsort(-shares, kind="stable")[:_SCORED]
        mention = _Mention(text, stems)
        rows = aliases[best].tolist()
        names = self._names.setdefault(terminology, _Names()).get(rows, terminology)
        concepts = terminology.alias_concept[rows].tolist()
        of_concept: dict[int, tuple[float, int]] = {}
        for alias, concept, name, share in zip(rows, concepts, names, shares[best].tolist(), strict=True):
            score = mention.score(name, share) * name.worth
            if mention.sides:
                score *= mention.agreement(terminology.aliases[alias])
            # Of a concept's names the best, of those as good the first.
            of_concept[concept] = max(of_concept.get(concept, (-1.0, 0)), (round(score, 6), -alias))
        return [Hit(-alias, score) for score, alias in of_concept.values()]

    def _similar_words(self, word: str, terminology: Terminology) -> dict[int, float]:
        """Rows of the terminology's stems that look like a stem, with how much alike they are."""
        cache = self._alike.setdefault(terminology, {})
        if len(cache) > _KNOWN:
            cache.clear()
        if word not in cache:
            cache[word] = _similar_words(word, terminology)
        return cache[word]


class _Words:
    """What is compared of the words of a name or a mention, each taken once."""

    __slots__ = ("letters", "negated", "numbers", "worth")

    def __init__(self, stems: Iterable[str], worth: float = 1.0) -> None:
        self.worth = worth  # of a name by its scope
        words = sorted(stems)
        self.letters = " ".join(words)
        self.numbers = frozenset(word for word in words if word.isdigit())
        self.negated = not _NEGATIONS.isdisjoint(words)


class _Names:
    """The names of a terminology that were compared before."""

    def __init__(self) -> None:
        self._names: dict[int, _Words] = {}
        self._stems: dict[int, str] = {}

    def get(self, aliases: Sequence[int], terminology: Terminology) -> list[_Words]:
        """What is compared of names, given by their rows."""
        if len(self._names) > _KNOWN_NAMES:
            self._names.clear()
            self._stems.clear()
        for alias in aliases:
            if alias not in self._names:
                rows = terminology.alias_words[alias].tolist()
                for row in rows:
                    if row not in self._stems:
                        self._stems[row] = terminology.words[row]
                self._names[alias] = _Words([self._stems[row] for row in rows], worth(terminology, alias))
        return [self._names[alias] for alias in aliases]


class _Mention:
    """A mention that names are compared with."""

    def __init__(self, text: str, stems: Iterable[str]) -> None:
        self._words = _Words(stems)
        key = verbatim_key(text)
        # For each pair of opposites of which the mention has one: that one, and the other.
        pairs = [pair for pair in _OPPOSITES if bool(pair[0].search(key)) != bool(pair[1].search(key))]
        self.sides = [(one, other) if one.search(key) else (other, one) for one, other in pairs]

    def score(self, name: _Words, share: float) -> float:
        """Score a name: the weighted share of common words, and how alike the strings are."""
        own = self._words
        score = _CEILING * (0.75 * min(1.0, share) + 0.25 * ratio(own.letters, name.letters) / 100)
        if own.negated != name.negated:
            score *= _NEGATION_FACTOR
        if own.numbers != name.numbers:
            score *= _NUMBER_FACTOR
        return score

    def agreement(self, name: str) -> float:
        """What is left of the score of a name that has the opposite of one of the mention's words."""
        key = verbatim_key(name)
        opposed = sum(bool(other.search(key)) and not side.search(key) for side, other in self.sides)
        return _OPPOSITE_FACTOR**opposed


def _similar_words(word: str, terminology: Terminology) -> dict[int, float]:
    found = dict.fromkeys(terminology.word_rows(word), 1.0)
    if len(word) < _SHORT:
        return found
    grams, holders = terminology.word_grams
    wanted = np.array(sorted(gram_hash(gram) for gram in trigrams(word)), dtype=grams.dtype)
    at = np.minimum(np.searchsorted(grams, wanted), len(grams) - 1)
    lists = [holders[int(i)] for i in at[grams[at] == wanted]]
    if not lists:
        return found
    rows, counts = np.unique(np.concatenate(lists), return_counts=True)
    for row in rows[counts * 3 >= len(wanted)].tolist():
        likeness = ratio(word, terminology.words[row]) / 100
        if likeness >= _ALIKE:
            found.setdefault(row, likeness**2)
    return found


def _retrieve(
    alike: Sequence[dict[int, float]], own_weight: Sequence[float], terminology: Terminology
) -> tuple[np.ndarray, np.ndarray]:
    """Aliases that hold any of the words, and the weight of the words that each shares with the mention."""
    weights = terminology.word_weight
    holders = terminology.word_aliases
    rare = [any(len(holders[row]) <= _COMMON for row in words) for words in alike]
    parts: list[np.ndarray] = []
    for words, is_rare in zip(alike, rare, strict=True):
        if is_rare or not any(rare):
            parts += [holders[row] for row in words]
    if not parts:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    aliases = np.unique(np.concatenate(parts))
    overlap = np.zeros(len(aliases))
    for words, weight in zip(alike, own_weight, strict=True):
        shared = np.zeros(len(aliases))
        for row, likeness in words.items():
            held = holders[row]
            at = np.minimum(np.searchsorted(held, aliases), len(held) - 1)
            value = likeness * (weight + float(weights[row])) / 2
            shared = np.where(held[at] == aliases, np.maximum(shared, value), shared)
        overlap += shared
    return aliases, overlap
