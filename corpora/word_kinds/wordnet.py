"""Reads the nouns of WordNet 3.0 and how often a word has each of its senses, from the files of its ``dict`` folder."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_KIND_OF = ("@", "@i")
# What a sense is counted for that WordNet never saw in a text.
_UNSEEN = 0.3
_ENDINGS = (
    ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y"), ("s", ""),
)  # fmt: skip
_POS_OF_KEY = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}


@dataclass(slots=True)
class Synset:
    """A meaning: its words, the most used first, what it is a kind of, and what it is said to be."""

    words: list[str]
    kind_of: list[str]
    field: int
    gloss: str
    examples: list[str] = field(default_factory=list)


class Nouns:
    """The nouns of WordNet.

    Arguments:
        folder: The folder with ``data.noun`` and ``index.noun``, as the Debian package ``wordnet-base`` has it.
    """

    def __init__(self, folder: Path) -> None:
        self.synsets = dict(_synsets(folder / "data.noun"))
        self._irregular = dict(line.split()[:2] for line in _lines(folder / "noun.exc"))
        counts = defaultdict(lambda: _UNSEEN)
        for line in _lines(folder / "cntlist.rev"):
            key, number, count = line.split()
            lemma, of = key.split("%")
            counts[lemma, _POS_OF_KEY[of[0]], int(number)] += int(count)
        # By word, its noun senses with their counts, and the count of what else it may be.
        self._senses: dict[str, dict[str, float]] = {}
        self._others: dict[str, float] = defaultdict(float)
        for pos in ("noun", "verb", "adj", "adv"):
            for line in _lines(folder / f"index.{pos}"):
                parts = line.split()
                offsets = parts[-int(parts[2]) :]
                of = {offset: counts[parts[0], pos, n] for n, offset in enumerate(offsets, start=1)}
                if pos == "noun":
                    self._senses[parts[0].replace("_", " ")] = of
                else:
                    self._others[parts[0].replace("_", " ")] += sum(of.values())

    def senses(self, word: str) -> dict[str, float]:
        """By synset, the share of a word's uses that mean it; what is missing to 1 are uses that are no noun."""
        word = word.lower()
        lemma = next((one for one in self._lemmas(word) if one in self._senses), None)
        if lemma is None:
            return {}
        of = self._senses[lemma]
        total = sum(of.values()) + max(self._others.get(word, 0), self._others.get(lemma, 0))
        return {synset: count / total for synset, count in of.items()}

    def _lemmas(self, word: str) -> Iterator[str]:
        yield word
        if word in self._irregular:
            yield self._irregular[word].replace("_", " ")
        for ending, other in _ENDINGS:
            if word.endswith(ending) and len(word) > len(ending) + 2:
                yield word.removesuffix(ending) + other

    def kinds(self, synset: str) -> frozenset[str]:
        """A synset and all that it is a kind of."""
        return _closure(self, synset)


@cache
def _closure(nouns: Nouns, synset: str) -> frozenset[str]:
    return frozenset({synset}).union(*(_closure(nouns, one) for one in nouns.synsets[synset].kind_of))


def _synsets(path: Path) -> Iterator[tuple[str, Synset]]:
    for line in _lines(path):
        data, gloss = line.split(" | ", 1)
        parts = data.split()
        count = int(parts[3], 16)
        words = [word.replace("_", " ") for word in parts[4 : 4 + 2 * count : 2]]
        pointers = parts[5 + 2 * count :]
        kind_of = [
            pointers[i + 1]
            for i in range(0, 4 * int(parts[4 + 2 * count]), 4)
            if pointers[i] in _KIND_OF and pointers[i + 2] == "n"
        ]
        said = [one.strip() for one in re.split(r'[;:]?\s*"([^"]*)"', gloss.strip())]
        yield parts[0], Synset(words, kind_of, int(parts[1]), said[0].rstrip(";: "), [one for one in said[1::2] if one])


def _lines(path: Path) -> Iterator[str]:
    # The licence at the head is indented.
    return (line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("  "))
