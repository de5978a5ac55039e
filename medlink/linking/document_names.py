"""Concepts that a document names in full: what "the tumour" means is often said by name somewhere else in its text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any

from medlink.linking.stages import Context
from medlink.recognition.matcher import Matcher
from medlink.terminology.store import Terminology

_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_SCOPES = ("preferred", "exact", "abbreviation")
_LONGEST = 8
# Documents that are remembered: the pipeline links the mentions of a batch of them together.
_REMEMBERED = 64

# Characters that a name may begin before what is part of it.
_REACH = 200
#: First character, the one after the last, and the concepts whose name stands there.
Place = tuple[int, int, frozenset[int]]


class DocumentNames:
    """Finds the names of terminologies in the documents of mentions, once a document."""

    def __init__(self) -> None:
        # With the terminology, so that its id stays its own.
        self._finders: dict[int, tuple[Terminology, Callable[[str], list[Place]]]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return DocumentNames, ()

    def elsewhere(self, context: Context, terminology: Terminology) -> frozenset[int]:
        """The concepts that a document names, but for what overlaps a mention or is the same text.

        Arguments:
            context: The document, the mention's first character and the one after its last.
            terminology: The terminology.

        Returns:
            Rows of the concepts.
        """
        text, start, end = context
        mention = text[start:end].casefold()
        return frozenset[int]().union(
            *(
                concepts
                for first, last, concepts in self._find(text, terminology)
                if (last <= start or first >= end) and text[first:last].casefold() != mention
            )
        )

    def first_place(self, words: str, context: Context, terminology: Terminology) -> Context:
        """Where a document first has a mention by itself, not inside a longer name.

        Arguments:
            words: The mention with its abbreviations written out, which is looked for before the mention as it stands.
            context: The document, the mention's first character and the one after its last.
            terminology: The terminology whose names are the longer ones.

        Returns:
            The document and the place; that of the mention where there is no other.
        """
        text, start, end = context
        for own in dict.fromkeys((words, text[start:end])):
            places = _places_of(own, text)
            if places == [(start, end)]:
                continue
            for place in places:
                if not self._inside_name(text, *place, terminology):
                    return text, *place
        return context

    def _inside_name(self, text: str, start: int, end: int, terminology: Terminology) -> bool:
        """Whether a stretch of a document is part of a longer name."""
        places = self._find(text, terminology)  # by their starts
        i = bisect_right(places, start, key=lambda place: place[0]) - 1
        while i >= 0 and places[i][0] > start - _REACH:
            first, last, _ = places[i]
            if end <= last and last - first > end - start:
                return True
            i -= 1
        return False

    def _find(self, text: str, terminology: Terminology) -> list[Place]:
        if id(terminology) not in self._finders:
            matcher = Matcher(terminology, types=None, scopes=_SCOPES, longest=_LONGEST, stop_names=())
            self._finders[id(terminology)] = terminology, lru_cache(maxsize=_REMEMBERED)(partial(_places, matcher))
        return self._finders[id(terminology)][1](text)


@lru_cache(maxsize=8 * _REMEMBERED)
def _places_of(words: str, text: str) -> list[tuple[int, int]]:
    """Where words stand in a text by themselves, not inside longer words."""
    places = []
    at = text.find(words) if words else -1
    while at >= 0:
        after = at + len(words)
        if not (text[at - 1 : at].isalnum() or text[after : after + 1].isalnum()):
            places.append((at, after))
        at = text.find(words, at + 1)
    return places


@lru_cache(maxsize=_REMEMBERED)
def _tokens(text: str) -> tuple[list[str], list[int]]:
    """The tokens of a text, white space included, and where each begins; and the text's end."""
    tokens = _TOKEN.findall(text)
    return tokens, [0, *accumulate(map(len, tokens))]


def _places(matcher: Matcher, text: str) -> list[Place]:
    tokens, starts = _tokens(text)
    concept_of = matcher.terminology.alias_concept
    return [
        (starts[m.start], starts[m.end], frozenset(int(concept_of[alias]) for alias in m.aliases))
        for m in matcher.find(tokens)
    ]
