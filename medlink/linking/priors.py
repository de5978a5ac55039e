"""What names meant in annotated text: how often which concept, the entity prior of entity linking.

"Toxicity" is a name of nothing in a disease dictionary, yet annotators of drug reports mean one concept by it nearly
every time (Ganea et al. 2016 on the prior ``p(entity | mention)``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from medlink.errors import MedlinkError
from medlink.linking.stages import Hit, Query
from medlink.terminology.store import Terminology
from medlink.terminology.words import stems_of, verbatim_key

# What is added to the mentions of a name: one that was met once is far from sure.
_DOUBT = 2.0
# What the very name meant tells much more than what a name meant that has its words in another order or form.
_SAME_WORDS = 0.6
_NIL = ""
#: Between the ids of a meaning that is several concepts at once.
LIST = "|"
# A name of which this share meant several tells nothing of any single concept.
_LISTS = 0.2

Counts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Priors:
    """Counts of what names meant.

    Concepts are known by their ids alone, whatever the terminology is called that has them.

    Arguments:
        names: By name (:func:`verbatim_key`), how many mentions meant which concept id; ``""`` for none, and ids with
            ``|`` between them for several at once.
        words: The same by the name's stems in order of the alphabet.
    """

    names: Counts = field(default_factory=dict)
    words: Counts = field(default_factory=dict)

    @classmethod
    def count(cls, mentions: Iterable[tuple[str, str]]) -> Priors:
        """Count mentions.

        Arguments:
            mentions: The text of each, its abbreviations written out, and its meaning: as for ``names``.
        """
        names: dict[str, dict[str, int]] = {}
        words: dict[str, dict[str, int]] = {}
        for text, meaning in mentions:
            for table, key in ((names, verbatim_key(text)), (words, _words_key(text))):
                of = table.setdefault(key, {})
                of[meaning] = of.get(meaning, 0) + 1
        return cls(names, words)

    def without(self, mentions: Iterable[tuple[str, str]]) -> Priors:
        """The counts as they were before these mentions were counted too; argument as for :meth:`count`.

        Raises:
            MedlinkError: The mentions were not counted.
        """
        less = Priors.count(mentions)
        return Priors(_subtract(self.names, less.names), _subtract(self.words, less.words))

    @classmethod
    def from_json(cls, text: str) -> Priors:
        """Read what :meth:`to_json` gave.

        Raises:
            MedlinkError: It is not such a text.
        """
        try:
            content = json.loads(text)
            return cls(content["names"], content["words"])
        except (ValueError, KeyError, TypeError) as error:
            raise MedlinkError(f"the linker's priors are broken ({error}); install the model package again") from None

    def to_json(self) -> str:
        """As text, for the file ``priors.json``."""
        return json.dumps({"names": self.names, "words": self.words}, ensure_ascii=False, sort_keys=True) + "\n"

    def of(self, text: str) -> dict[str, float]:
        """For each concept id that a name meant, a share between 0 and 1; the more mentions, the surer.

        None for a name that often enough meant several concepts at once.
        """
        key = verbatim_key(text)
        if key in self.names:
            return self.of_name(key)
        shares = _shares(self.words.get(_words_key(text), {}))
        return {meaning: _SAME_WORDS * share for meaning, share in shares.items()}

    def of_name(self, name: str) -> dict[str, float]:
        """The same for a name in the form of its :func:`verbatim_key` alone, not for those with its words."""
        return _shares(self.names.get(name, {}))


class PriorStage:
    """Finds what a name meant in annotated text.

    Arguments:
        priors: The counts.
    """

    name = "prior"
    final = True

    def __init__(self, priors: Priors) -> None:
        self.priors = priors

    def without(self, mentions: Iterable[tuple[str, str]]) -> PriorStage:
        """The stage as it was before mentions were counted too; see :meth:`Priors.without`."""
        return PriorStage(self.priors.without(mentions))

    def retrieve(self, queries: Sequence[Query], terminology: Terminology, k: int) -> list[list[Hit]]:
        """See :meth:`medlink.linking.stages.Stage.retrieve`."""
        return [self._one(query.text, terminology) for query in queries]

    def _one(self, text: str, terminology: Terminology) -> list[Hit]:
        hits = []
        for concept_id, share in self.priors.of(text).items():
            row = terminology.row(concept_id)
            if row is not None:
                hits.append(Hit(terminology.alias_rows(row)[0], share))
        return hits


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    if sum(count for meaning, count in counts.items() if LIST in meaning) > _LISTS * total:
        return {}
    single = {meaning: count for meaning, count in counts.items() if meaning != _NIL and LIST not in meaning}
    return {meaning: count / (total + _DOUBT) for meaning, count in single.items()}


def _subtract(counts: Counts, less: Counts) -> dict[str, dict[str, int]]:
    left = {key: dict(of) for key, of in counts.items()}
    for key, of in less.items():
        for meaning, count in of.items():
            rest = left.get(key, {}).get(meaning, 0) - count
            if rest < 0:
                raise MedlinkError(
                    f"the priors do not count this corpus, which has {key!r} with {meaning!r} more often"
                )
            left[key][meaning] = rest
    return {key: kept for key, of in left.items() if (kept := {meaning: n for meaning, n in of.items() if n})}


def _words_key(text: str) -> str:
    return " ".join(sorted(stems_of(text)))
