"""Mentions with their abbreviations written out, which is what the stages of the linker see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from medlink.document.senses import AbbreviationUse

_DEFINED = re.compile(r"\s*\($")
# What makes another condition of the one behind it: former smoker, oxaliplatin-induced neuropathy, traumatic left SDH.
_BEFORE = re.compile(
    r"\b((?:former|ex|(?:non-?|post-?)?traumatic|spontaneous|congenital|gestational|"
    r"[^\W\d_][\w/]*[\s-](?:induced|related|associated))[\s-]+)(?:(?:right|left|bilateral|[RL])\s+)?$",
    re.IGNORECASE,
)
# Characters in which it is looked for.
_LONGEST_BEFORE = 60
_BESIDE = re.compile(r"\s+(?:(?P<without>without|w/o(?:ut)?)|with|w/|c/b|complicated\s+by)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Expansion:
    """A mention as it is linked.

    Arguments:
        text: The mention with its abbreviations written out.
        open: Whether it is an abbreviation and the context does not tell what it stands for; it fits no concept.
        fallback: Whether the mention as written may be linked where the expansion is not.
        side: ``"left"``, ``"right"`` or ``"bilateral"`` where the document tells it, else "".
        with_site: The mention together with the body part that it is joined to ("fracture of the left distal radius"),
            else "".
        with_other: The mention together with another that it is said to come with, or without ("migraine w/o aura"),
            else "".
        with_cause: The mention together with what is written before it and makes another condition of it ("drug-induced
            neuropathy", "former smoker"), else "".
    """

    text: str
    open: bool = False
    fallback: bool = True
    side: str = ""
    with_site: str = ""
    with_other: str = ""
    with_cause: str = ""


def expand(text: str, start: int, end: int, uses: Sequence[AbbreviationUse], label: str = "") -> Expansion:
    """Write out the abbreviations of a mention.

    Arguments:
        text: The document.
        start: First character of the mention.
        end: The character after its last one.
        uses: The abbreviations of the document, in order.
        label: Label of the mention, or "" where it is not known.

    Returns:
        The mention to link. A sense that the document defines, or that was chosen among several, is final: where
        it fits no concept, neither does the mention.
    """
    parts: list[str] = []
    at = start
    fallback = True
    for use in uses:
        if use.start < start or use.end > end:
            continue
        whole = (use.start, use.end) == (start, end)
        if not use.long:
            if whole:
                return Expansion(text[start:end], open=True, fallback=False)
            continue
        if use.source == "document" and (bracket := _DEFINED.search(text[at : use.start])) and text[use.end] == ")":
            # "glucose-6-phosphate dehydrogenase (G6PD) deficiency" says both already.
            parts.append(text[at : at + bracket.start()])
            at = use.end + 1
            continue
        chosen = use.source == "document" or len(use.alternatives) > 1
        if chosen and label and use.label and use.label != label and not whole:
            continue
        parts += [text[at : use.start], use.long]
        at = use.end
        fallback = fallback and not chosen
    return Expansion("".join([*parts, text[at:end]]), fallback=fallback)


def cause_before(text: str, start: int, expanded: str) -> str:
    """A mention together with its cause, or with the word that tells it is over, where one is written before it.

    Arguments:
        text: The document.
        start: First character of the mention.
        expanded: The mention with its abbreviations written out.

    Returns:
        Both, or "" where there is no such word.
    """
    before = _BEFORE.search(text[max(0, start - _LONGEST_BEFORE) : start])
    return before[1] + expanded if before else ""


def condition_beside(text: str, end: int, uses: Sequence[AbbreviationUse], ends: Mapping[int, int]) -> str:
    """Write out the condition that is said to come with one, or not to: "with acute exacerbation", "without aura".

    Arguments:
        text: The document.
        end: The character after the last one of the condition that it comes with.
        uses: The abbreviations of the document, in order.
        ends: From the first characters of the document's conditions to the characters after their last ones.

    Returns:
        The condition behind "with" or "without", with that word, or "" where none is.
    """
    between = _BESIDE.match(text, end)
    if between is None or between.end() not in ends:
        return ""
    other = expand(text, between.end(), ends[between.end()], uses, "CONDITION").text
    return f"{'without' if between['without'] else 'with'} {other}"
