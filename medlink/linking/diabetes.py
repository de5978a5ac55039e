"""The type of diabetes that a document tells, which codes of its complications ask for.

ICD-10-CM takes diabetes of no type for type 2 (guidelines, section I.C.4.a.2), and so do the names that lead to its
codes: "DKA" is E11.10. In a note of a patient with type 1 it is E10.10.
"""

from __future__ import annotations

import re
from functools import lru_cache

from medlink.document.relatives import RELATIVES


def _of_type(number: str) -> re.Pattern[str]:
    """How notes write diabetes of a type: "type 1 diabetic", "T1DM", "DM1", "diabetes mellitus, type I"."""
    digit = number.partition("|")[0]
    return re.compile(
        rf"\b(?:type[\s-]*(?:{number})[\s-]+(?:DM?\b|diabet)|T{digit}DM?\b|DM[\s-]?{digit}\b"
        rf"|(?:DM|diabetes(?:\s+mellitus)?),?\s+type\s*(?:{number})\b)",
        re.IGNORECASE,
    )


_TYPE_1, _TYPE_2 = _of_type("1|I|one"), _of_type("2|II|two")
_RELATIVE = rf"(?:{'|'.join(sorted(RELATIVES))}|partner|roommate)\b"
_RELATIVES = re.compile(rf"\b{_RELATIVE}", re.IGNORECASE)
_RELATIVE_BEHIND = re.compile(rf"\w*\s*(?:in|of|-|\()\s*(?:(?:his|her|the|a)\s+)?{_RELATIVE}", re.IGNORECASE)
# Where a part of a sentence says one of these before, the type is somebody else's, or not certain.
_OTHER = re.compile(
    rf"\b(?:{_RELATIVE}|(?:no|not|denies|without|doubt|unlikely|possible|probable|suspected|likely|r/o|rule\s+out|versus|"
    r"vs|or|risk|screen\w*|if)\b)|\?",
    re.IGNORECASE,
)
# And where one of these follows.
_OTHER_BEHIND = re.compile(
    rf"\w*\s*(?:(?:mellitus)?\s*\?|(?:vs|versus|or)\b)|{_RELATIVE_BEHIND.pattern}", re.IGNORECASE
)
_FAMILY = re.compile(r"\b(?:fam(?:ily)?\s+(?:hx|history)|FHx?)\b", re.IGNORECASE)
# Documents whose answer is remembered.
_DOCUMENTS = 64


@lru_cache(maxsize=_DOCUMENTS)
def tells_type_1(document: str) -> bool:
    """Whether a document tells that the patient's diabetes is of type 1, and of no other.

    Arguments:
        document: Its text.
    """
    if any(not _is_relatives(document, found.start(), found.end()) for found in _TYPE_2.finditer(document)):
        return False
    return any(_is_patients(document, found.start(), found.end()) for found in _TYPE_1.finditer(document))


def _part(document: str, start: int) -> int:
    """Where the part of a sentence begins that a place is in."""
    return max(document.rfind(sign, 0, start) for sign in "\n.;") + 1


def _is_relatives(document: str, start: int, end: int) -> bool:
    """Whether a type of diabetes, from ``start`` to ``end``, is said to be a relative's, in its line."""
    part = _part(document, start)
    line = document.rfind("\n", 0, start) + 1
    return bool(
        _RELATIVES.search(document, part, start)
        or _FAMILY.search(document, line, start)
        or _RELATIVE_BEHIND.match(document, end)
    )


def _is_patients(document: str, start: int, end: int) -> bool:
    """Whether a type of diabetes, from ``start`` to ``end``, is said to be the patient's."""
    part = _part(document, start)
    paragraph = document.rfind("\n\n", 0, start) + 1
    return not (
        _OTHER.search(document, part, start)
        or _OTHER_BEHIND.match(document, end)
        or _FAMILY.search(document, paragraph, start)
    )
