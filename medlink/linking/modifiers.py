"""Mentions without the words that tell how a condition is or on which side, not which: "severe left leg swelling".

ICD-10-CM has codes for some conditions by their severity, course or side, so a mention is linked as it stands first.
What is left out here is read by ``medlink_attributes``. Words of certainty and of time past are never left out: they
decide whether the condition is there.
"""

from __future__ import annotations

import re
from functools import lru_cache

_DEGREES = (
    "mild mildly minimal minimally slight slightly trace subtle moderate moderately severe severely marked "
    "markedly significant significantly profound profoundly extreme extremely extensive massive considerable "
    "pronounced critical advanced palpable obvious debilitating excruciating intractable refractory moderate-sized "
    "symptomatic uncomplicated generalized diffuse vague nonspecific non-specific sharp dull stabbing throbbing crampy "
    "burning aching gnawing unintentional unexplained painless spiking diminutive tiny overt untreated undertreated "
    "nonobstructing non-obstructing nonobstructive non-obstructive"
)
_COURSES = (
    "active worsening worsened progressive progressively persistent persisting ongoing continued continuing constant "
    "continuous intermittent occasional frequent episodic recurrent recurring transient new new-onset newly "
    "increasing evolving longstanding long-standing long-term stable unchanged improving known documented "
    "previously-known underlying"
)
_PHRASES = (
    r"(?:new|sudden|abrupt|gradual|recent)[\s-]onset(?:\s+of)?",
    r"(?:small|large)(?!\s+(?:airway|arter|bowel|cell|colon|duct|fib|for|intestin|joint|vessel)|-)",
    "long standing",
    # "AChR-positive myasthenia gravis"; of a germ the code may tell.
    r"(?!(?:false|gram|coag|culture|strep|covid|flu|influenza|rsv|hiv)\b)[a-z][\w/.]*(?:-[\w/.]+)*[\s-](?:positive|negative)",
    "slowly progressive",
    "rapidly progressive",
    r"(?:poorly|well|inadequately|adequately)[\s-]controlled",
    r"mild[\s-]to[\s-]moderate",
    r"moderate[\s-]to[\s-]severe",
    r"(?:newly|recently|previously)[\s-]diagnosed",
    r"end[\s-]stage",
    r"NYHA\s+(?:class\s+)?(?:[IV]+|[1-4])[ab]?",
    r"stage\s+(?:[IV]+|[0-4])[A-C]?\b",
    r"gr(?:ade|\.)?\s*(?:[IV]+|[0-5])(?:\s*[-–/]\s*(?:[IV]+|[0-5]))?\b",
    # A fracture of which nothing is said is coded as closed and displaced; what else was said, narrowing.py reads.
    r"(?:closed|open|comminuted|(?:(?:non|un)[\s-]?|minimally\s+|mildly\s+)?displaced)(?=(?:\s+[\w-]+){0,4}\s+fractures?\b)",
    r"(?:worsening|progression|exacerbation|recurrence|persistence|onset|episodes?|attacks?|bouts?)\s+of(?:\s+the)?",
)
# Codes differ by these, so that they are left out last, and for a code that does not say the opposite. That something
# was "prior" the assertion says as well.
_LASTING = re.compile(r"(?:(?:sub)?acute|chronic|prior|previous|remote)(?:[\s-]on[\s-]chronic)?\s+", re.IGNORECASE)
_SIDES = r"(?:left|right)(?:[\s-]sided)?|bilateral(?:ly)?|b/l|lt\.?|rt\.?|(?-i:[LR])(?!\s+spine\b)"
# The side of a body part that has a name without it: no ventricle or quadrant is left.
_SIDE_OF_PART = re.compile(
    rf"(,\s*|\b(?:of|in|on|at|to)\s+(?:the\s+|her\s+|his\s+)?)(?:both|{_SIDES})\s+"
    r"(?!ventric|atri|heart|main|bundle|coronary|(?:upper|lower)\s+quadrant)",
    re.IGNORECASE,
)
# ICD-10-CM has codes of their own for newborns, HPO has not; what flares up has the code that it has, and so has what
# is without something else, or of an unspecified kind, where a code does not tell.
_AT_END = re.compile(
    r",\s*(?:[\w\s]+\s)?unspecified\b.*|"
    r"\s+(?:(?:of|in)\s+(?:the\s+)?newborns?|flar(?:es?|ing)(?:[\s-]?ups?)?|(?:without|w/o)\s.*|"
    r"(?:(?:infero|supero)?(?:nas|tempor)al|(?:poster|anter|super|infer)ior|medial|lateral|distal|proximal|central)ly)$",
    re.IGNORECASE,
)


def _around(words: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Any number of the words, before all else and after it."""
    before = re.compile(rf"(?:(?:{words})(?:\s*,\s*|\s+(?:and\s+|but\s+)?|\s*/\s*))+", re.IGNORECASE)
    return before, re.compile(rf"(?:\s*(?:,|\(|-\s)\s*(?:{words})\)?)+$", re.IGNORECASE)


_DEGREE = "|".join([*_PHRASES, *map(re.escape, sorted(f"{_DEGREES} {_COURSES}".split(), key=len, reverse=True))])
_PATTERNS = {False: _around(_DEGREE), True: _around(f"{_DEGREE}|{_SIDES}")}


@lru_cache(maxsize=1 << 14)
def without_modifiers(mention: str, *, sides: bool = False) -> str:
    """A mention without the words before and after that tell of degree, course and exact place, that a newborn has it,
    that it flares up, or what it is without.

    "Closed" and the like are left out of fractures only.

    Arguments:
        mention: The mention.
        sides: Whether those that tell of the side are left out too.

    Returns:
        What is left, or the mention itself where there is no such word or nothing else.
    """
    before, after = _PATTERNS[sides]
    rest = mention[found.end() :] if (found := before.match(mention)) else mention
    rest = _AT_END.sub("", after.sub("", rest))
    return (_SIDE_OF_PART.sub(r"\1", rest) if sides else rest).strip() or mention


def without_course(mention: str) -> str:
    """A mention without "acute", "subacute", "chronic" or "prior" among its first words, or the mention itself.

    Arguments:
        mention: The mention.
    """
    degree = _PATTERNS[False][0].match(mention)
    start = degree.end() if degree else 0
    found = _LASTING.match(mention, start)
    return mention[:start] + mention[found.end() :] if found else mention
