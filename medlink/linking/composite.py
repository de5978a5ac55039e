"""Mentions that name several concepts: "breast and ovarian cancer", "ascites due to cirrhosis"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medlink.linking.causes import split_cause
from medlink.types import Candidate

_AND = r"\s*(?:,|/)\s*(?:and\s+|or\s+)?|\s+(?:and|or|and/or|&)\s+"
_LIST = re.compile(_AND)
_OF = re.compile(r"^(.*\S)\s+(of|in|involving)\s+(?:the\s+)?(.+)$", re.IGNORECASE)
# Both are coded, where there is no code for the two together.
_ACUTE_ON_CHRONIC = re.compile(r"^acute(?:\s+|-)on(?:\s+|-)(?:top\s+of\s+)?chronic\s+(.+)$", re.IGNORECASE)
_HEAD_WORDS = 3
_MOST_PARTS = 5
# What a comma adds to a condition, which is none by itself: "rotator cuff tear, traumatic".
_ADDED = frozenset("traumatic atraumatic nontraumatic degenerative infectious metastatic ischemic hemorrhagic".split())
_DANGLING = re.compile(r"[-–]$")
# What stands for the first part of a compound: "hyper- and hypothyroidism".
_PREFIXES = re.compile(
    r"^(?:hypo|hyper|intra|extra|inter|pre|post|sub|supra|mono|poly|micro|macro|endo|exo)", re.IGNORECASE
)


def split_mention(text: str) -> list[list[str]]:
    """The ways to read a mention as several.

    Arguments:
        text: The mention.

    Returns:
        Each way as its parts, two or more; the likeliest first. Empty where the mention joins nothing.
    """
    if found := _ACUTE_ON_CHRONIC.match(text):
        return [[f"acute {found[1]}", f"chronic {found[1]}"]]
    if due := split_cause(text):
        # "Ascites and varices due to cirrhosis" names all three.
        condition, cause = due
        return [[*way, cause] for way in split_mention(condition) or [[condition]]]
    if not _LIST.search(text):
        return []
    ways: list[list[str]] = []
    if of := _OF.match(text):
        places = _items(of[3])
        if len(places) > 1 and not _LIST.search(of[1]):
            ways.append([f"{of[1]} {of[2]} {place}" for place in places])
    items = _items(text)
    if len(items) > 1:
        # The last item ends with what all share: "breast and ovarian cancer". How many words that is, is not told.
        *before, last = items
        words = last.split()
        if all(map(_DANGLING.search, before)) and _PREFIXES.match(last):
            ways.append([*(_DANGLING.sub("", item) + _PREFIXES.sub("", last) for item in before), last])
        for shared in range(1, min(_HEAD_WORDS, len(words) - 1) + 1):
            head = " ".join(words[-shared:])
            ways.append([*(f"{_DANGLING.sub('', item)} {head}" for item in before), last])
        # Or the first item begins with it: "pulmonary edema and fibrosis".
        words = items[0].split()
        if len(words) > 1:
            lead = " ".join(words[:-1])
            ways.append([items[0], *(f"{lead} {item}" for item in items[1:])])
        # Or each item is whole: "nausea and vomiting".
        if _ADDED.isdisjoint(map(str.lower, items)):
            ways.append(items)
    return ways


def _items(text: str) -> list[str]:
    items = [item.strip() for item in _LIST.split(text)]
    return items if all(items) and len(items) <= _MOST_PARTS else [text]


def join_parts(of_parts: Sequence[Sequence[Candidate]], k: int) -> list[Candidate]:
    """The candidates of a mention from those of its parts: the best of each part, then the second ones, and so on.

    Arguments:
        of_parts: For each part its candidates, best first.
        k: Most candidates.
    """
    joined: dict[str, Candidate] = {}
    for rank in range(max(map(len, of_parts))):
        for part in of_parts:
            if rank < len(part):
                joined.setdefault(part[rank].concept_id, part[rank])
    return list(joined.values())[:k]
