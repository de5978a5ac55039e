"""Codes narrowed by what they ask for and the note tells: the linker finds the cyst of an unspecified ovary, N83.209,
and N83.202 is the left one.

Notes tell the side beside the mention ("left renal and ovarian cysts"), ICD-10-CM in the name of the code: "…, left
side" where another code has "…, unspecified side". Fractures of which nothing is said are coded as closed and
displaced, those that a note calls open or nondisplaced are not. Injuries have a code for each encounter; what a note
tells of is coded as at the first one. In a note of type 1 diabetes "DKA" is not that of type 2. Where a category was
found, which cannot be billed, what is said no closer has the code below it that is "unspecified".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from weakref import WeakKeyDictionary

from medlink.attributes.conditions import SIDE_BEHIND, laterality
from medlink.linking.diabetes import tells_type_1
from medlink.linking.stages import Context, Query
from medlink.terminology.store import Terminology
from medlink.terminology.words import stems_of
from medlink.types import Candidate

# What a name has in place of a side. For both sides it may lack the part: "unspecified ear", but "bilateral".
_UNSPECIFIED = re.compile(r"\bunspecified\b", re.IGNORECASE)
_UNSPECIFIED_PART = re.compile(r"\bunspecified\s+\w+", re.IGNORECASE)
# The official guidelines (section I.C.6.a) take the right side for the dominant one where nothing is told.
_BY_DOMINANCE = {"left": ("left nondominant", "left non-dominant"), "right": ("right dominant",)}
# "Alcohol use with unspecified alcohol-induced disorder" says more than "Alcohol use, unspecified" does, and what is
# "other" is specified.
_BESIDE = re.compile(
    r"^other\b|(?<!whether )\bwith\b(?! or without| unspecified (?:severity|morphologic))", re.IGNORECASE
)
_ABSENT = re.compile(r",?\s*\b(?:without|uncomplicated|not intractable|not having achieved remission)\b", re.IGNORECASE)
_OTHER = re.compile(r"other\b", re.IGNORECASE)
_UNKNOWN = "status unknown"
_LEFT_OPEN = re.compile(r"\b(?:unspecified|not specified)\b", re.IGNORECASE)
# ICD-10-CM's seventh character A.
_FIRST_ENCOUNTERS = (
    "initial encounter",
    "initial encounter for closed fracture",
    "initial encounter for fracture",
)
# What a note says of a fracture, and what the name of its code then has in place of something else.
_OF_FRACTURES = (
    (r"(?:non|un)[\s-]?displaced", re.compile(r"\bdisplaced\b", re.IGNORECASE), ("nondisplaced",)),
    (
        r"open(?![\s-]+(?:book|reduction|wound|heart|biopsy|repair|surgery|treatment))",
        re.compile(r"\bclosed fracture\b", re.IGNORECASE),
        ("open fracture type I or II", "open fracture"),
    ),
)
_TYPE_2 = re.compile(r"\bType 2(?= diabetes)")
_LAST_WORD = re.compile(r"\S+\s*$")
# Characters before a mention that a word that belongs to it is looked for in.
_FARTHEST = 24
# By code, side and whether it is of an encounter, the narrower code: at most a few for each code of a terminology.
_known: WeakKeyDictionary[Terminology, dict[tuple[int, str, bool], int]] = WeakKeyDictionary()


def side_of(mention: str, context: Context | None) -> str:
    """The side that a mention names, or the word right before or behind it.

    Arguments:
        mention: The mention.
        context: Its document with its first character and the one after its last, where known.

    Returns:
        ``"left"``, ``"right"``, ``"bilateral"``, or ``""`` where no side is told.
    """
    last = _LAST_WORD.search(_before(context))
    before = last[0] if last else ""
    behind = _behind(context)
    after = behind if SIDE_BEHIND.match(behind) else ""
    found = laterality(mention, before, after, len(before), len(before) + len(mention))
    return found.value if found is not None else ""


def on_side(concept: int, side: str, terminology: Terminology) -> int | None:
    """The concept that says of one side what another one says of an unspecified side, or a category of any side.

    Arguments:
        concept: Row of the concept.
        side: ``"left"``, ``"right"`` or ``"bilateral"``.
        terminology: Its terminology.

    Returns:
        Its row; None where there is none, where it is a category and the concept is not, or where the concept's name
        leaves no side open.
    """
    is_category = terminology.is_parent(concept)
    for pattern in (_UNSPECIFIED, _UNSPECIFIED_PART):
        for words in (side, *_BY_DOMINANCE.get(side, ())):
            for other in _with(concept, pattern, words, terminology):
                if is_category or not terminology.is_parent(other):
                    return other
    return _named(f"{terminology.concept_name(concept)}, {side}", terminology) if is_category else None


def at_first_encounter(concept: int, terminology: Terminology) -> int | None:
    """The code below a category of injuries that is counted at the first encounter.

    Arguments:
        concept: Row of the category.
        terminology: Its terminology.

    Returns:
        Its row, where there are codes by side that of an unspecified one; None where the codes below the concept do not
        differ by the encounter.
    """
    if terminology.is_parent(concept):
        name = terminology.concept_name(concept)
        for said, encounter in product((name, f"{name}, unspecified"), _FIRST_ENCOUNTERS):
            other = _named(f"{said}, {encounter}", terminology)
            if other is not None and concept in terminology.ancestors(other):
                return other
    return None


def unspecified_below(concept: int, terminology: Terminology) -> int:
    """The code for what a category says and nothing closer; by ICD-10-CM's custom it ends with 9 or 0.

    Arguments:
        concept: Row of the category.
        terminology: Its terminology.

    Returns:
        The row of the only concept right below that has the same name, or else leaves more unspecified, or else says
        what the category says and what it is without ("Acute pancreatitis without necrosis"); of the only one below
        that, and so on; the concept itself where there is none, or several.
    """
    said, left_open = _parts(concept, terminology)
    words = _words(concept, terminology)

    def leaves_more_open(one: int) -> bool:
        said_below, open_below = _parts(one, terminology)
        return said_below == said and open_below > left_open

    # Of codes that go on where the category's ends: what is below a concept of HPO is never the same.
    ids = terminology.concept_ids
    children = [one for one in terminology.children(concept) if ids[one].startswith(ids[concept])]
    ends = [one for one in children if ids[one][-1] in "09"]
    alike = [one for one in children if _words(one, terminology) == words]
    unspecified = [one for one in ends if leaves_more_open(one)]
    plain = [one for one in ends if _is_plain(one, concept, terminology)]
    only = next((below[0] for below in (alike, unspecified, plain) if len(below) == 1), None)
    return concept if only is None else unspecified_below(only, terminology)


def _words(concept: int, terminology: Terminology) -> list[str]:
    return sorted(stems_of(terminology.concept_name(concept)))


def _is_plain(concept: int, category: int, terminology: Terminology) -> bool:
    """Whether the name of a code below a category adds nothing to it but what is not there."""
    name, of = terminology.concept_name(concept), terminology.concept_name(category)
    rest = name[len(of) :] if name.lower().startswith(of.lower()) else name
    absent = _ABSENT.search(rest)
    if absent is None or (_OTHER.match(name) is None) != (_OTHER.match(of) is None):
        return False
    said = set(stems_of(_LEFT_OPEN.sub("", name[: len(name) - len(rest) + absent.start()])))
    if not said.issubset(stems_of(of)) or "-" in terminology.concept_ids[category]:
        return False
    # Of an injury of the head it may be unknown whether consciousness was lost, which has a code too.
    return not any(_UNKNOWN in terminology.concept_name(one) for one in terminology.children(category))


def narrowed(
    candidates: Iterable[Candidate], query: Query, side: str, terminologies: Mapping[str, Terminology]
) -> list[Candidate]:
    """Candidates, each with the code that tells side, encounter, kind of fracture or type of diabetes in place of one
    that does not.

    Arguments:
        candidates: The candidates, best first.
        query: The mention as it stands; a name that stands in no document tells of no encounter.
        side: Its side, ``""`` where none is told.
        terminologies: The terminologies by name.

    Returns:
        The candidates, each concept once; ``via`` is the concept that was found.
    """
    said = [(assumed, instead) for words, assumed, instead in _OF_FRACTURES if _says(words, query)]
    if tells_type_1(query.document):
        said.append((_TYPE_2, ("Type 1",)))
    kept: dict[tuple[str, str], Candidate] = {}
    for candidate in candidates:
        terminology = terminologies[candidate.terminology]
        found = code = terminology.row(candidate.concept_id)
        assert code is not None
        code = _narrower(code, side, query.context is not None, terminology)
        for assumed, instead in said:
            code = next((one for words in instead for one in _with(code, assumed, words, terminology)), code)
        if code != found:
            concept_id, name = terminology.concept_ids[code], terminology.concept_name(code)
            candidate = replace(candidate, concept_id=concept_id, name=name, via=candidate.concept_id)
        kept.setdefault((candidate.terminology, candidate.concept_id), candidate)
    return list(kept.values())


def _narrower(concept: int, side: str, in_note: bool, terminology: Terminology) -> int:
    """The code of a side, of the first encounter and below a category; the concept itself where there is none."""
    known = _known.setdefault(terminology, {})
    key = concept, side, in_note
    if key not in known:
        code: int | None = concept
        while code is not None:
            known[key] = code
            code = _step(code, side, in_note, terminology)
    return known[key]


def _step(concept: int, side: str, in_note: bool, terminology: Terminology) -> int | None:
    found = on_side(concept, side, terminology) if side else None
    if found is None and in_note:
        found = at_first_encounter(concept, terminology)
    if found is None and in_note and "breast" in (name := terminology.concept_name(concept)):
        # The codes of neoplasms differ by sex: one in a hundred is a man's, and then it is said.
        found = _named(f"{name}, female", terminology)
    if found is None and in_note and (below := unspecified_below(concept, terminology)) != concept:
        found = below
    return found


def _parts(concept: int, terminology: Terminology) -> tuple[int, int]:
    """How many things a name says beside what it is of, and how many it leaves open."""
    name = terminology.concept_name(concept)
    return len(_BESIDE.findall(name)), len(_LEFT_OPEN.findall(name))


def _with(concept: int, place: re.Pattern[str], words: str, terminology: Terminology) -> Iterator[int]:
    """The concepts whose name is that of another with words at a place of it."""
    name = terminology.concept_name(concept)
    for found in place.finditer(name):
        other = _named(name[: found.start()] + words + name[found.end() :], terminology)
        if other is not None:
            yield other


def _says(words: str, query: Query) -> bool:
    """Whether a mention has words, or they belong to it and stand before it."""
    between = r"(?:\s+(?!and\b|with\b|fractures?\b)[\w-]+)*\s*$"
    return any(
        re.search(rf"\b{words}\b{follows}", text, re.IGNORECASE)
        for text, follows in ((query.text, ""), (_before(query.context), between))
    )


def _before(context: Context | None) -> str:
    """What stands right before a mention, on its line."""
    if context is None:
        return ""
    text, start, _ = context
    return text[max(0, start - _FARTHEST) : start].rpartition("\n")[2]


def _behind(context: Context | None) -> str:
    """What stands right behind a mention."""
    if context is None:
        return ""
    text, _, end = context
    return text[end : end + _FARTHEST] + "\n"


def _named(name: str, terminology: Terminology) -> int | None:
    """The concept whose preferred name has the words of a name."""
    for alias in terminology.same_words(name):
        concept = int(terminology.alias_concept[alias])
        if alias == terminology.alias_rows(concept)[0]:
            return concept
    return None
