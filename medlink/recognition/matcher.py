"""Finds the names of a terminology in tokens, whatever their order, inflection or spelling.

Each word is a 64-bit number and each name the sum of its words', so a name in any order is one number.
Over a text the sums of all short stretches come from one running total, and each is looked up in the
sorted numbers of the names. The cost grows with the text and not with the number of names (but for the
logarithm of the binary search).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medlink.terminology.store import SCOPE_NUMBER, Terminology
from medlink.terminology.words import (
    HYPHENS,
    STOP_WORDS,
    bag_hash,
    hash64,
    is_abbreviation,
    means_other,
    spelled,
    spellings_of,
    stem,
    words_of,
)

_SKIP, _WORD, _BREAK = 0, 1, 2
# Signs that stand inside names; any other sign, and a word that no name holds, ends a stretch.
_INNER_SIGNS = frozenset("'/\u2019" + HYPHENS)
# What begins an entry of a list.
_SIGNS = frozenset("#" + HYPHENS)
_JOINING = frozenset(("and", "or"))
# Different tokens that are remembered, and texts of matches.
_KNOWN = 200_000


@dataclass(frozen=True, slots=True)
class Match:
    """A name found in tokens.

    Arguments:
        start: First token.
        end: Token after the last one.
        aliases: Rows of the aliases that it may be.
    """

    start: int
    end: int
    aliases: tuple[int, ...]


class Matcher:
    """Matches the names of one terminology.

    Arguments:
        terminology: The terminology.
        types: Semantic types to match; None for all.
        scopes: Scopes of the names to match.
        longest: Most words in a match, stop words not counted.
        stop_names: Names, in any order, number and spelling, that are never matched.
    """

    def __init__(
        self,
        terminology: Terminology,
        *,
        types: Sequence[str] | None,
        scopes: Sequence[str],
        longest: int,
        stop_names: Sequence[str],
    ) -> None:
        self.terminology = terminology
        self._types = None if types is None else {i for i, one in enumerate(terminology.types) if one in set(types)}
        self._scopes = {SCOPE_NUMBER[scope] for scope in scopes}
        self._longest = min(longest, terminology.longest_name)
        self._stop = {_form(name) for name in stop_names}
        self._words: dict[str, tuple[int, int]] = {}
        self._names: dict[tuple[int, str, int], tuple[int, ...]] = {}

    def find(self, tokens: Sequence[str]) -> list[Match]:
        """Find names, those inside longer ones included.

        Arguments:
            tokens: The tokens of a text, white space included.

        Returns:
            Matches by start, of the same start the longest first.
        """
        classified = self._classified(tokens)
        for i in [*_line_starts(tokens), *_behind_slashes(tokens)]:
            # A bullet, or the sign before a problem: "# Ankle swelling" is no fracture, "2/2 DM" no type 2 diabetes.
            classified[i] = _BREAK, 0
        kinds = np.array([kind for kind, _ in classified], dtype=np.uint8)
        hashes = np.array([hashed for _, hashed in classified], dtype=np.uint64)
        content = np.flatnonzero(kinds == _WORD)
        if not len(content):
            return []
        segment = np.cumsum(kinds == _BREAK)[content]
        total = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(hashes[content], dtype=np.uint64)))
        matches = []
        for width in range(min(self._longest, len(content)), 0, -1):
            inside = np.flatnonzero(segment[width - 1 :] == segment[: len(segment) - width + 1])
            if not len(inside):
                continue
            sums = total[inside + width] - total[inside]
            for i, hashed in self._hits(inside, sums):
                start, end = int(content[i]), int(content[i + width - 1]) + 1
                # "Acute and chronic failure" is not "acute on chronic failure and".
                if tokens[start].lower() in _JOINING or tokens[end - 1].lower() in _JOINING:
                    continue
                if aliases := self._aliases(hashed, " ".join(tokens[start:end]), width):
                    matches.append(Match(start, end, aliases))
        return sorted(matches, key=lambda match: (match.start, -match.end))

    def named(self, words: Sequence[str]) -> tuple[int, ...]:
        """Rows of the aliases that words are together, in any order.

        Arguments:
            words: Tokens.
        """
        classified = self._classified(words)
        if any(kind == _BREAK for kind, _ in classified):
            return ()
        width = sum(kind == _WORD for kind, _ in classified)
        hashed = sum(hashed for _, hashed in classified) % 2**64
        return self._aliases(hashed, " ".join(words), width) if width else ()

    def is_name(self, words: Sequence[str]) -> bool:
        """Whether words are a name together, in any order."""
        return bool(self.named(words))

    def _classified(self, tokens: Sequence[str]) -> list[tuple[int, int]]:
        """For each token what it does to a stretch, and the number of its words."""
        known = self._words
        if len(known) > _KNOWN:
            known.clear()  # numbers and typing errors never end
        for token in tokens:
            if token not in known:
                known[token] = self._classify(token)
        return [known[token] for token in tokens]

    def _classify(self, token: str) -> tuple[int, int]:
        if token.isspace():
            # A blank line ends a stretch, a line break does not: paragraphs are wrapped.
            return (_BREAK if token.count("\n") > 1 else _SKIP), 0
        if token in _INNER_SIGNS or token.casefold() in STOP_WORDS:
            return _SKIP, 0
        stems = [stem(word) for word in words_of(token)]
        if any(not len(self.terminology.word_hashes[hash64(one)]) for one in stems):
            return _BREAK, 0
        return _WORD, bag_hash(stems)

    def _hits(self, where: npt.NDArray[np.int64], sums: npt.NDArray[np.uint64]) -> list[tuple[int, int]]:
        names = self.terminology.bags.hashes
        at = np.minimum(np.searchsorted(names, sums), len(names) - 1)
        found = np.flatnonzero(names[at] == sums)
        return list(zip(where[found].tolist(), sums[found].tolist(), strict=True))

    def _aliases(self, hashed: int, text: str, width: int) -> tuple[int, ...]:
        """Rows of the aliases with this hash that the settings allow and that fit the text closely enough."""
        known = self._names
        if len(known) > _KNOWN:
            known.clear()
        key = hashed, text, width
        if key not in known:
            rows = () if _form(text) in self._stop else filter(self._allowed, self.terminology.bags[hashed].tolist())
            known[key] = self._fitting(tuple(rows), text, width)
        return known[key]

    def _allowed(self, alias: int) -> bool:
        terminology = self.terminology
        if int(terminology.alias_scope[alias]) not in self._scopes:
            return False
        return self._types is None or bool(
            self._types & set(terminology.concept_type_rows(int(terminology.alias_concept[alias])))
        )

    def _fitting(self, aliases: tuple[int, ...], text: str, width: int) -> tuple[int, ...]:
        """Of the aliases those that fit the text closely enough.

        An abbreviation must stand as it is written, and a single word may differ in number and spelling
        but not in derivation: "retinal" is not retinitis. "Renal pelvis" is no "pelvic kidney", LUE is not lues.
        """
        names = self.terminology.aliases
        form = spelled(text) if width == 1 and aliases else ""
        written = "".join(text.split())
        return tuple(
            i
            for i in aliases
            if (names[i] == written if is_abbreviation(names[i]) else not form or form == spelled(names[i]))
            and not means_other(text, names[i])
        )


def _line_starts(tokens: Sequence[str]) -> list[int]:
    """The hyphens and number signs that begin a line, one behind the other too, and the signs before a number."""
    found = []
    last, at_start = -2, False
    for i in [i for i, token in enumerate(tokens) if token[0] in _SIGNS]:
        if i > last + 1:
            before = tokens[i - 1] if i else "\n"
            at_start = before.isspace() and (i == 1 or "\n" in before)
        last = i
        if at_start or (tokens[i] == "#" and i + 1 < len(tokens) and tokens[i + 1].isdigit()):
            found.append(i)
    return found


def _behind_slashes(tokens: Sequence[str]) -> list[int]:
    """The numbers behind a number and a slash, as in "2/2" (secondary to), "3/6" or a date."""
    slashes = [i for i, token in enumerate(tokens) if token == "/" and 0 < i < len(tokens) - 1]
    return [i + 1 for i in slashes if tokens[i - 1].isdigit() and tokens[i + 1].isdigit()]


def _form(text: str) -> tuple[str, ...]:
    """The words of a name but for order, number and spelling."""
    return tuple(sorted(spellings_of(text)))
