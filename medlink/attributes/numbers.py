"""Numbers as notes write them: "5,000", "2-4", "one to two", "1/2"."""

from __future__ import annotations

import re
from functools import lru_cache

from medlink.attributes.units import to_ucum, unit_pattern
from medlink.attributes.values import Quantity

_WORDS = {
    "half": 0.5,
    "one-half": 0.5,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "fourteen": 14,
    "twenty": 20,
    "thirty": 30,
}
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
NUMBER = rf"(?:{_DIGITS}(?:/[24](?![\d/]))?|\b(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})\b)"
COMPARATOR = r"(?:<=|>=|≤|≥|<|>|less than|greater than|more than|over|under|below|above)"
_COMPARATORS = {
    "<=": "<=",
    "≤": "<=",
    ">=": ">=",
    "≥": ">=",
    "<": "<",
    "less than": "<",
    "under": "<",
    "below": "<",
    ">": ">",
    "greater than": ">",
    "more than": ">",
    "over": ">",
    "above": ">",
}


def to_number(written: str) -> float:
    """A number, in digits or words.

    Arguments:
        written: What :data:`NUMBER` matched.
    """
    word = written.lower().replace(",", "")
    if word in _WORDS:
        return float(_WORDS[word])
    if "/" in word:
        above, below = word.split("/")
        return float(above) / float(below)
    return float(word)


@lru_cache(maxsize=1)
def quantity_pattern() -> re.Pattern[str]:
    """A number or range with an optional comparator and unit, named ``cmp``, ``low``, ``high`` and ``unit``."""
    return re.compile(
        rf"(?<![\w.])(?:(?P<cmp>{COMPARATOR})\s*)?(?P<low>{NUMBER})(?:\s?(?:-|–|to)\s?(?P<high>{NUMBER}))?"
        rf"(?:\s?-?(?P<unit>{unit_pattern()}))?",
        re.IGNORECASE,
    )


def to_quantity(match: re.Match[str], offset: int) -> Quantity:
    """A match of :func:`quantity_pattern` as a quantity.

    Arguments:
        match: The match.
        offset: Where in the document the text began that was searched.
    """
    high = match["high"]
    return Quantity(
        value=to_number(match["low"]),
        unit=to_ucum(match["unit"]) if match["unit"] else "",
        start=offset + match.start(),
        end=offset + match.end(),
        high=to_number(high) if high else None,
        comparator=_COMPARATORS.get((match["cmp"] or "").lower(), ""),
    )
