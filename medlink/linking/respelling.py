"""Mentions with a typing error put right: "jaunndice", "headace" and "astmha" are no words of any name.

Only a word that no name of the terminology has is changed, by one letter too many, one too few, two that changed
places or the "rn" that a scanner reads for "m" ("hernoptysis"), and only where that leads to a single word. A wrong
letter is left: that is how names of different things differ ("dysphasia", "dysphagia").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import compress
from string import ascii_lowercase

from medlink.terminology.store import Terminology
from medlink.terminology.words import stem

# Of shorter words too many are one letter from each other.
_WORD = re.compile(r"[a-z]{6,}", re.IGNORECASE)


def respelled(text: str, terminology: Terminology, others: Sequence[Terminology] = ()) -> str:
    """A mention as it would be without a typing error.

    Arguments:
        text: The mention.
        terminology: Its names tell which words may be meant.
        others: Further terminologies, a word of which is no typing error either.

    Returns:
        The mention with the words put right; as it is where it has no error, or it is not sure which.
    """

    def right(match: re.Match[str]) -> str:
        own = stem(match[0])
        known = any(one.word_rows(own) for one in {terminology, *others})
        return match[0] if known else _respelled(match[0], terminology)

    return _WORD.sub(right, text)


def _respelled(word: str, terminology: Terminology) -> str:
    variants = sorted(set(_variants(word.lower())))
    meant = list(compress(variants, terminology.has_spelling(variants)))
    return meant[0] if len({stem(one) for one in meant}) == 1 else word


def _variants(word: str) -> Iterator[str]:
    """What a word may have been meant as; its first letter is hardly ever wrong."""
    for at in range(1, len(word)):
        before, after = word[:at], word[at:]
        yield before + after[1:]
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
        for letter in ascii_lowercase:
            yield before + letter + after
    yield from (word + letter for letter in ascii_lowercase)
    yield from (f"{word[: found.start()]}m{word[found.end() :]}" for found in re.finditer("rn", word))
