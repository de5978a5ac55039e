"""Side, severity and course of conditions and procedures."""

from __future__ import annotations

import re

from medlink.attributes.values import Term

_SIDES = re.compile(
    r"\b(?P<bilateral>bilateral(?:ly)?|b/l|both(?!\s(?:flexion|extension|and|of|the|parents|these|are|"
    r"were|in|at)\b)|bibasilar|bibasal|R\s?[>=]\s?L|L\s?[>=]\s?R|(?:right|left)\s(?:greater|worse|"
    r"more)\sthan\s(?:left|right)"
    r"|right\sand\sleft|left\sand\sright|(?<=\s)(?-i:O\.?U)\b\.?)"
    r"|\b(?P<left>left(?:-sided)?\b|lt(?![\w-])\.?|(?-i:L(?=\s)|LL[LEQ]|LU[LEQ])|(?<=\s)(?-i:O\.?S)\b\.?)"
    r"|\b(?P<right>right(?:-sided)?\b|rt(?![\w-])\.?|(?-i:R(?=\s)|RL[LEQ]|RU[LEQ]|RML)|(?<=\s)(?-i:O\.?D)\b\.?)",
    re.IGNORECASE,
)
#: Behind a mention where nothing follows: "otitis media R, recurrent", "cataract (OD)".
SIDE_BEHIND = re.compile(
    r"[ \t]*(?:,[ \t]*|\()?(?:(?P<bilateral>bilateral(?:ly)?|bilat\b\.?|b/l|(?-i:OU))|(?P<left>left|lt|(?-i:L|OS))"
    r"|(?P<right>right|rt|(?-i:R|OD)))(?=[ \t]*[.,;)\n])",
    re.IGNORECASE,
)
# "left the hospital", "right now", "left-handed"
_NO_SIDE = re.compile(
    r"[\s-]*(?:handed|hand\sdominant|the|for|against|without|before|after|home|now|away|here|early|him|"
    r"her|us|ama|work|town|to|that|at|on|when|by|in)\b",
    re.IGNORECASE,
)
# What ends the reach of a side: other clauses, verbs.
_BARRIER = re.compile(
    r"[;:.()]|,|\b(?:and|or|with|but|without|was|were|is|are|has|have|had|who|which|that|because|due|"
    r"secondary|presents?|"
    r"presented|denies|reports|complains|underwent|no|not|she|he|patient|after|before|since|versus|vs)\b",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"\s*,?\s*(?:(?:of|in|on|at|to|over|from|involving|affecting|around|behind|along|within|near|under|"
    r"across|throughout|"
    r"localized|located|radiating)\b|(?=\W*(?:left|right|lt|rt|both|bilateral|b/l|O\.?[SDU]|[LR]\s?[>=])))",
    re.IGNORECASE,
)
_SEVERITIES = re.compile(
    r"\b(?:(?:very\s)?(?:mild|minimal|slight|trace|moderate|severe|marked|massive|critical|profound|"
    r"extreme|mild-to-moderate|"
    r"moderate-to-severe)(?:(?:\s|-)to(?:\s|-)(?:moderate|severe|marked))?|mildly|moderately|severely|"
    r"markedly|profoundly|"
    r"life-threatening|debilitating|excruciating|stage\s(?:[IV]+[ABC]?|\d[abc]?)|grade\s(?:[IV]+|\d))\b",
    re.IGNORECASE,
)
_ADVERBS = {
    "mildly": "mild",
    "slight": "mild",
    "moderately": "moderate",
    "severely": "severe",
    "markedly": "marked",
    "profoundly": "profound",
}
_COURSES = re.compile(
    r"\b(?:acute[\s-]on[\s-]chronic|acute|subacute|chronic|recurrent|intermittent|persistent|"
    r"progressive(?:ly)?|worsening|"
    r"worsened|worse|improving|improved|better|stable|unchanged|resolving|resolved|new[\s-]onset|new|"
    r"relapsing|remitting|"
    r"long-?standing|sudden|gradual|episodic|transient|ongoing|constant)\b",
    re.IGNORECASE,
)
_COURSE_NAMES = {
    "worse": "worsening",
    "worsened": "worsening",
    "better": "improving",
    "improved": "improving",
    "progressively": "progressive",
    "new onset": "new",
    "new-onset": "new",
    "longstanding": "chronic",
    "long-standing": "chronic",
    "unchanged": "stable",
    "ongoing": "persistent",
    "constant": "persistent",
}
_AFTER_VERB = re.compile(
    r"\s*(?:,|\(|-)?\s*(?:(?:is|was|has|have|had|remains?|been|are|were|which|that|now|currently|appears?|"
    r"gradually|slowly|significantly|somewhat|much|slightly)\s+){0,4}$",
    re.IGNORECASE,
)


def laterality(mention: str, before: str, after: str, start: int, end: int) -> Term | None:
    """The side of a mention: in it, right before it, or joined to it by a preposition.

    Arguments:
        mention: The mention.
        before: The words of its sentence before it, from the last other mention on.
        after: The words after it, up to the next mention.
        start: Where the mention begins in the document.
        end: Where ``after`` begins in the document.
    """
    if inside := _side(mention, 0):
        return _term(inside, start)
    at = start - len(before)
    for match in reversed(list(_SIDES.finditer(before))):
        between = before[match.end() :]
        if len(between.split()) <= 4 and not _BARRIER.search(between) and not _no_side(match, before):
            return _term(match, at)
        break
    joined = _JOINED.match(after)
    if joined:
        for match in _SIDES.finditer(after, joined.end()):
            between = after[joined.end() : match.start()]
            if _BARRIER.search(between) or len(between.split()) > 8:
                return None
            if not _no_side(match, after):
                return _term(match, end)
    elif (next_word := _SIDES.match(after.lstrip())) and next_word.lastgroup == "bilateral":
        return _term(next_word, end + len(after) - len(after.lstrip()))
    elif (behind := SIDE_BEHIND.match(after)) and (side := behind.lastgroup):
        return Term(side, end + behind.start(side), end + behind.end(side))
    return None


def severity(mention: str, before: str, after: str, start: int, end: int) -> Term | None:
    """The severity of a mention; arguments as for :func:`laterality`."""
    found = _described(_SEVERITIES, mention, before, after, start, end)
    if found is None:
        return None
    word, begin, stop = found
    value = " ".join(word.lower().replace("-", " ").split())
    return Term(_ADVERBS.get(value, value), begin, stop)


def course(mention: str, before: str, after: str, start: int, end: int) -> Term | None:
    """The course of a mention; arguments as for :func:`laterality`."""
    found = _described(_COURSES, mention, before, after, start, end)
    if found is None:
        return None
    word, begin, stop = found
    value = " ".join(word.lower().split())
    value = value.replace("-", " ") if "on" in value.split("-") else value
    return Term(_COURSE_NAMES.get(value, value), begin, stop)


def _described(
    pattern: re.Pattern[str], mention: str, before: str, after: str, start: int, end: int
) -> tuple[str, int, int] | None:
    """The nearest describing word: before the mention, in it, or after it as what is said of it."""
    for match in reversed(list(pattern.finditer(before))):
        between = before[match.end() :]
        if len(between.split()) <= 3 and not _BARRIER.search(between):
            return match[0], start - len(before) + match.start(), start - len(before) + match.end()
        break
    if inside := pattern.search(mention):
        return inside[0], start + inside.start(), start + inside.end()
    if (said := pattern.search(after)) and said.start() > 0 and _AFTER_VERB.match(after[: said.start()]):
        follows = after[said.end() :].lstrip()
        # ", acute renal failure" describes what comes next.
        if not (follows[:1].isalpha() or follows.startswith("…")) or re.match(
            r"(?:and|with|since|on|in|at|after|today|now|over|but|by|for)\b", follows
        ):
            return said[0], end + said.start(), end + said.end()
    return None


def _side(text: str, start: int) -> re.Match[str] | None:
    return next((match for match in _SIDES.finditer(text, start) if not _no_side(match, text)), None)


def _no_side(match: re.Match[str], text: str) -> bool:
    return match.lastgroup != "bilateral" and _NO_SIDE.match(text, match.end()) is not None


def _term(match: re.Match[str], offset: int) -> Term:
    return Term(match.lastgroup or "", offset + match.start(), offset + match.end())
