"""Evaluation of linking on the names of a terminology, each given as a mention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

from spacy.util import minibatch

from medlink.errors import MedlinkError
from medlink.linking.linker import Linker
from medlink.terminology.store import SCOPES, Terminology
from medlink.terminology.words import verbatim_key

# Names linked at once.
_BATCH = 1_000


@dataclass(slots=True)
class NamesResult:
    """How many names link to their own concept.

    Arguments:
        names: Names given as mentions.
        right: Those whose concept came out first, or a code below it that has the very name too, which is meant then:
            "Migraine", a category, gives G43.909.
        below: How many of these gave such a code.
        ties: Names left out, because another concept has the very same name in one of the scopes.
        wrong: Concept id, name and the concept that came out first, of the rest.
    """

    names: int = 0
    right: int = 0
    below: int = 0
    ties: int = 0
    wrong: list[tuple[str, str, str]] = field(default_factory=list)


def evaluate_names(terminology: Terminology, scopes: Sequence[str]) -> NamesResult:
    """Link each name of the given scopes.

    Arguments:
        terminology: The terminology.
        scopes: Scopes of the names.

    Raises:
        MedlinkError: A scope is unknown.
    """
    if unknown := set(scopes) - set(SCOPES):
        raise MedlinkError(f"unknown scope {sorted(unknown)[0]!r}; choose from {', '.join(SCOPES)}")
    numbers = {SCOPES.index(scope) for scope in scopes}
    rows = [i for i, scope in enumerate(terminology.alias_scope.tolist()) if scope in numbers]
    owners: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        owners[verbatim_key(terminology.aliases[row])].add(int(terminology.alias_concept[row]))
    linker = Linker([terminology])
    result = NamesResult()
    alone = [row for row in rows if len(owners[verbatim_key(terminology.aliases[row])]) == 1]
    result.ties = len(rows) - len(alone)
    result.names = len(alone)
    # One candidate is asked for, so the search ends at the exact stage where that has an answer.
    found = chain.from_iterable(
        linker.link([terminology.aliases[row] for row in some], k=1)
        for some in minibatch(alone, _BATCH)  # type: ignore[no-untyped-call]
    )
    for row, answers in zip(alone, found, strict=True):
        name, concept = terminology.aliases[row], int(terminology.alias_concept[row])
        best = terminology.row(answers[0].concept_id) if answers else None
        same = bool(answers) and verbatim_key(answers[0].alias) == verbatim_key(name)
        below = best is not None and same and concept in terminology.ancestors(best)
        result.below += below
        if best == concept or below:
            result.right += 1
        else:
            first = terminology.concept_ids[best] if best is not None else "NIL"
            result.wrong.append((terminology.concept_ids[concept], name, first))
    return result
