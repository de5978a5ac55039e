"""Abbreviations defined in a text, as "atrial fibrillation (AF)" or "AF (atrial fibrillation)".

The algorithm is that of A. S. Schwartz and M. A. Hearst, "A simple algorithm for identifying abbreviation
definitions in biomedical text", Pacific Symposium on Biocomputing 2003, 451-462.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BRACKETS = re.compile(r"\(([^()\n]{2,120})\)")
_SHORT = re.compile(r"[A-Za-z0-9][\w.&/+-]{0,9}(?: [\w.&/+-]{1,5})?$")
_WORD = re.compile(r"\S+")
_BREAK = re.compile(r"[.;:!?](?:\s|$)|\n\s*\n|[()]")
_FARTHEST = 240
# Behind a name these say what someone is.
_DEGREES = frozenset({"MD", "DO", "RN", "PA", "NP"})


@dataclass(frozen=True, slots=True)
class Definition:
    """An abbreviation and what it stands for, with the place of both in the text."""

    short: str
    long: str
    short_start: int
    long_start: int


def find_definitions(text: str) -> Iterator[Definition]:
    """The definitions in a text, in order.

    Arguments:
        text: The text.
    """
    for match in _BRACKETS.finditer(text):
        inside = re.split(r"[,;]\s", match[1], maxsplit=1)[0].strip()
        at = match.start(1) + (len(match[1]) - len(match[1].lstrip()))
        before = text[max(0, match.start() - _FARTHEST) : match.start()]
        if _is_short(inside):
            tail = _sentence_tail(before, min(len(inside) + 5, len(inside) * 2))
            place = _initials(inside, tail) or _long_form(inside, tail) or _any_order(inside, tail)
            if place is not None:
                begin = match.start() - (len(before) - len(before.rstrip())) - len(place)
                yield Definition(inside, " ".join(place.split()), at, begin)
                continue
        word = re.search(r"(\S+)\s*$", before)
        if word and _is_short(word[1]) and len(inside.split()) > 1:
            place = _long_form(word[1], inside)
            if place == inside:
                yield Definition(word[1], " ".join(inside.split()), match.start() - len(before) + word.start(1), at)


def _is_short(words: str) -> bool:
    letters = [character for character in words if character.isalpha()]
    capitals = sum(character.isupper() for character in letters)
    return bool(_SHORT.match(words)) and 2 <= len(words) <= 10 and capitals * 2 >= len(letters) > 1


def _sentence_tail(before: str, words: int) -> str:
    """The last words before a bracket, inside their sentence."""
    breaks = list(_BREAK.finditer(before.rstrip()))
    tail = before[breaks[-1].end() :] if breaks else before
    found = list(_WORD.finditer(tail))
    return tail[found[-words].start() :].rstrip() if len(found) > words else tail.strip()


def _initials(short: str, candidate: str) -> str | None:
    """The last words of a candidate whose initials are the letters of a short form.

    The algorithm would take the first A of "attenuated adenomatous polyposis coli (AAPC)" for one inside a word.
    """
    words = list(_WORD.finditer(candidate))[-len(short) :]
    initials = "".join(word[0][0] for word in words).upper()
    return candidate[words[0].start() :] if initials == short and len(words) > 1 else None


def _any_order(short: str, candidate: str) -> str | None:
    """The last words of a candidate whose initials are the letters of a short form in another order.

    Some abbreviations are kept from Latin or French: "myotonic dystrophy (DM)".
    """
    words = list(_WORD.finditer(candidate))[-len(short) :]
    if short in _DEGREES or not short.isupper() or len(words) != len(short) or any(len(w[0]) < 4 for w in words):
        return None
    return candidate[words[0].start() :] if sorted(w[0][0].upper() for w in words) == sorted(short) else None


def _long_form(short: str, candidate: str) -> str | None:
    """The end of a candidate that a short form abbreviates: its letters in order, the first at a word's start."""
    at = len(candidate)
    for index in range(len(short) - 1, -1, -1):
        letter = short[index].lower()
        if not letter.isalnum():
            continue
        at -= 1
        while at >= 0 and (candidate[at].lower() != letter or (index == 0 and at > 0 and candidate[at - 1].isalnum())):
            at -= 1
        if at < 0:
            return None
    begin = candidate.rfind(" ", 0, at) + 1
    long = candidate[begin:] if candidate[begin:at].strip("\"'([-").strip() == "" else candidate[at:]
    if len(long) <= len(short) or short.lower() in long.lower().split() or len(long.split()) > len(short) * 2:
        return None
    return long
