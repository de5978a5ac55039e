"""Exact stages: the mention is a name of the concept, or of its namesake in another terminology."""

from __future__ import annotations

import re
from collections.abc import Sequence

from medlink.linking.stages import Hit, Query, worth
from medlink.terminology.store import SCOPE_NUMBER, Terminology
from medlink.terminology.words import (
    HYPHENS,
    is_abbreviation,
    is_another_word,
    means_other,
)

# A name in another order, number, derivation or spelling is a little less sure than the very name,
_SAME_WORDS = 0.96
# and a step over another terminology less again.
_VIA = 0.93
# an abbreviation in another case likewise.
_OTHER_CASE = 0.9
# Compounds that some write with a hyphen and a terminology without: "hyper-natremia".
_HYPHEN = re.compile(rf"(?<=\w)[{HYPHENS}](?=\w)")
# In HPO "Abnormal eye morphology" is of the eye's structure, "Abnormality of the eye" of whatever kind.
_STRUCTURE = re.compile(r"morpholog|malform|structur", re.IGNORECASE)
# What the codes of a classification have among their properties; how those that classify several diseases are called;
# and what one of their names is worth for another.
_IS_OF_A_CODE = "billable"
_SEVERAL = re.compile(r"^Other\b|\b(?:syndromes|diseases|disorders|malformations|anomalies|conditions)\b")
_BESIDE = 0.8
_CLOSE_SCOPES = frozenset(SCOPE_NUMBER[scope] for scope in ("preferred", "exact", "abbreviation"))


class ExactStage:
    """Finds names equal to the mention after normalisation."""

    name = "exact"
    final = True

    def retrieve(self, queries: Sequence[Query], terminology: Terminology, k: int) -> list[list[Hit]]:
        """See :meth:`medlink.linking.stages.Stage.retrieve`."""
        return [exact_hits(query.text, terminology) for query in queries]


class SynonymStage:
    """Finds the concept by the other names that its namesake in another terminology has.

    "Heart attack" is a name in HPO, whose preferred name "Myocardial infarction" is one in ICD-10-CM.

    Arguments:
        terminologies: The terminologies to learn other names from.
    """

    name = "synonym"
    final = True

    def __init__(self, terminologies: Sequence[Terminology]) -> None:
        self._terminologies = terminologies

    def retrieve(self, queries: Sequence[Query], terminology: Terminology, k: int) -> list[list[Hit]]:
        """See :meth:`medlink.linking.stages.Stage.retrieve`."""
        return [self._one(query.text, terminology) for query in queries]

    def _one(self, text: str, terminology: Terminology) -> list[Hit]:
        hits = []
        for other in self._terminologies:
            if other is terminology:
                continue
            for hit in exact_hits(text, other):
                if int(other.alias_scope[hit.alias]) not in _CLOSE_SCOPES:
                    continue
                concept = int(other.alias_concept[hit.alias])
                via = f"{other.name}:{other.concept_ids[concept]}"
                hits += [
                    Hit(found.alias, found.score * hit.score * _VIA, via)
                    for found in _borrowed(hit.alias, concept, other, terminology)
                ]
        return hits


def _borrowed(alias: int, concept: int, other: Terminology, terminology: Terminology) -> list[Hit]:
    """What the other names that a concept of another terminology has besides an alias find in a terminology.

    A concept's names are synonyms, but those of a code may be of several diseases: "vaginal discharge"
    and "vaginal dryness" are both N89.8. Where its preferred name says so, or its names lead to more than one concept,
    they are worth less, so that what else is known of the concepts tells.
    """
    preferred, *_ = rows = other.alias_rows(concept)
    found = {
        # Abbreviations are left out here: "MI" would also lead to mitral insufficiency.
        row: exact_hits(other.aliases[row], terminology)
        for row in rows
        if int(other.alias_scope[row]) <= SCOPE_NUMBER["exact"]
    }
    beside = 1.0
    if alias != preferred:
        reached = {int(terminology.alias_concept[hit.alias]) for hits in found.values() for hit in hits}
        several = len(reached) > 1 or (reached and _SEVERAL.search(other.aliases[preferred]))
        # Asked last, since a concept is read from its file for it.
        if several and _IS_OF_A_CODE in other.concept(concept).properties:
            beside = _BESIDE
    return [
        Hit(hit.alias, hit.score * (1.0 if row == preferred else beside)) for row, hits in found.items() for hit in hits
    ]


def _case(text: str, name: str) -> float:
    """What a name is worth by its case: that of an abbreviation tells ("all" is seldom ALL)."""
    return _OTHER_CASE if is_abbreviation(name) and name != text else 1.0


def exact_hits(text: str, terminology: Terminology) -> list[Hit]:
    """Names equal to a text: verbatim where there are any, otherwise with the same words, compounds joined at last."""
    if rows := _lowest(terminology.exact(text), terminology):
        return [Hit(row, worth(terminology, row) * _case(text, terminology.aliases[row])) for row in rows]
    if rows := [row for row in terminology.same_words(text) if not _misreads(text, terminology.aliases[row])]:
        return [Hit(row, worth(terminology, row) * _SAME_WORDS) for row in _closest(text, rows, terminology)]
    joined = _HYPHEN.sub("", text)
    return exact_hits(joined, terminology) if joined != text else []


def _misreads(text: str, name: str) -> bool:
    """Whether a name with the words of a text means something else all the same."""
    return means_other(text, name) or is_another_word(text, name)


def _lowest(rows: Sequence[int], terminology: Terminology) -> Sequence[int]:
    """Of codes with the same name, that below the others where clinicians call it so: a category cannot be billed."""
    if len(rows) < 2:
        return rows
    of_row = {row: int(terminology.alias_concept[row]) for row in rows}
    called = [row for row in rows if int(terminology.alias_scope[row]) == SCOPE_NUMBER["exact"]]
    above = set[int]().union(*(terminology.ancestors(of_row[row]) for row in called)).intersection(of_row.values())
    if not above or _IS_OF_A_CODE not in terminology.concept(min(above)).properties:
        return rows
    return [row for row in rows if of_row[row] not in above]


def _closest(text: str, rows: Sequence[int], terminology: Terminology) -> Sequence[int]:
    """Of names with the same words those of structure where the text is about it, the others where it is not."""
    structure = bool(_STRUCTURE.search(text))
    return [row for row in rows if bool(_STRUCTURE.search(terminology.aliases[row])) == structure] or rows
