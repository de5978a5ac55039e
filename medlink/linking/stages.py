"""What a stage of the linker is: it is given mentions and a terminology and answers with scored names.

Exact, synonym, prior, lexical and dense retrieval are such stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from medlink.terminology.store import SCOPES, Terminology

#: What a name is worth by its scope: how often a mention that is this very name means this very concept.
SCOPE_WORTH = {
    "preferred": 1.0,
    "exact": 1.0,
    "abbreviation": 0.95,
    "inclusion": 0.98,
    "includes": 0.94,
    "derived": 0.97,
    "narrow": 0.85,
    "broad": 0.85,
    "related": 0.85,
}

#: A document, and the first character of a mention in it and the one after its last.
Context = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Query:
    """A mention to link.

    Arguments:
        text: The mention, its abbreviations written out.
        context: The document it stands in with the mention's first character and the one after its
            last, where known.
        label: Its label, or "" where that is not known.
    """

    text: str
    context: Context | None = None
    label: str = ""

    @property
    def document(self) -> str:
        """The text of the document that it stands in; "" where that is not known."""
        return self.context[0] if self.context is not None else ""


class Hit(NamedTuple):
    """A name that a stage found.

    Arguments:
        alias: Row of the alias in the terminology.
        score: Between 0 and 1, to six decimals: the order of hits must not hang on the last bit.
        via: The concept of another terminology that led to it, or the empty string.
    """

    alias: int
    score: float
    via: str = ""


class Stage(Protocol):
    """A stage of the linker."""

    #: Name that candidates found by the stage bear.
    name: str
    #: Whether its hits may be sure enough that the stages after it need not be asked.
    final: bool

    def retrieve(self, queries: Sequence[Query], terminology: Terminology, k: int) -> list[list[Hit]]:
        """Find names for mentions.

        Arguments:
            queries: The mentions, all different.
            terminology: Where to look.
            k: Most concepts wanted for each.

        Returns:
            Hits for each mention, in any order.
        """


def worth(terminology: Terminology, alias: int) -> float:
    """What an alias is worth by its scope."""
    return SCOPE_WORTH[SCOPES[terminology.alias_scope[alias]]]
