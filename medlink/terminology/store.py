"""A built terminology: concepts by id, by name and by word, read from memory-mapped columns."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from medlink.terminology.columns import Array, HashIndex, Lists, Strings, open_columns, read_files
from medlink.terminology.words import bag_hash, hash64, stems_of, verbatim_key
from medlink.types import Alias, Concept

#: How close a name is to its concept, the closest first. ``inclusion`` and ``includes`` are ICD-10-CM's
#: inclusion terms and Includes notes, ``derived`` a name with its optional words left out.
SCOPES = ("preferred", "exact", "abbreviation", "inclusion", "includes", "derived", "narrow", "broad", "related")
SCOPE_NUMBER = {scope: number for number, scope in enumerate(SCOPES)}
#: Of the columns of a terminology.
FORMAT = 2
# Concepts of which it is remembered what stands above them; some 20 MB at most.
_REMEMBERED = 1 << 15


def terminology_home() -> Path:
    """The folder that terminologies are built into: ``$MEDLINK_HOME/terminologies``, or the user data folder's."""
    home = os.environ.get("MEDLINK_HOME")
    return Path(home or platformdirs.user_data_dir("medlink", appauthor=False)) / "terminologies"


class Terminology:
    """A built terminology.

    Arguments:
        source: Its folder, or its files by name (as :meth:`files` gives them).

    Raises:
        MedlinkError: It is incomplete or of another format.
    """

    def __init__(self, source: Path | Mapping[str, bytes]) -> None:
        self._source = source
        columns, self.manifest = open_columns(source, FORMAT)
        self._columns = columns
        self.name = str(self.manifest["name"])
        self.version = str(self.manifest["version"])
        #: The mention labels that the terminology has concepts for; empty for any.
        self.labels = tuple(self.manifest["labels"])
        #: All semantic types.
        self.types = tuple(self.manifest["types"])
        self.aliases = self._strings("alias_text")
        self.alias_concept: Array = columns["alias_concept"]
        self.alias_scope: Array = columns["alias_scope"]
        self._first_alias: Array = columns["concept_first_alias"]
        self.concept_ids = self._strings("concept_id")
        self._details = self._strings("concept_details")
        self._concept_types = self._lists("concept_types")
        self._parents = self._lists("concept_parents")
        self._ids = self._index("id")
        self._verbatim = self._index("verbatim")
        self._bags = self._index("bag")
        self._of_types: dict[frozenset[str], npt.NDArray[np.bool_]] = {}
        self._alike_above = lru_cache(_REMEMBERED)(self._find_alike_above)

    @classmethod
    def load(cls, name_or_path: str | Path) -> Terminology:
        """Open a terminology by the name it was built under, or by its folder.

        Arguments:
            name_or_path: A name is looked up in ``$MEDLINK_HOME`` and among those that installed
                pipeline packages bring.

        Raises:
            MedlinkError: There is none of that name, or it is broken.
        """
        from medlink.terminology.catalog import find_terminology

        return cls(find_terminology(name_or_path))

    @classmethod
    def from_records(cls, name: str, concepts: Iterator[Concept] | list[Concept]) -> Terminology:
        """Make a terminology in memory, for a small dictionary of one's own.

        Arguments:
            name: Its name.
            concepts: Its concepts.
        """
        from medlink.terminology.build import build_files

        return cls(build_files(name, concepts))

    def __reduce__(self) -> tuple[Any, ...]:
        return Terminology, (self._source,)

    def __len__(self) -> int:
        return len(self.concept_ids)

    def __contains__(self, concept_id: str) -> bool:
        return self.row(concept_id) is not None

    def files(self) -> dict[str, bytes]:
        """Its files by name, from which it can be made again."""
        return read_files(self._source) if isinstance(self._source, Path) else dict(self._source)

    @property
    def path(self) -> Path | None:
        """Its folder; None for one that lives in memory."""
        return self._source if isinstance(self._source, Path) else None

    def row(self, concept_id: str) -> int | None:
        """The row of a concept by its id or an alternate id; None where there is none."""
        for row in self._ids[hash64(concept_id)]:
            if self.concept_ids[row] == concept_id or concept_id in self._detail(int(row)).get("alternate_ids", ()):
                return int(row)
        return None

    def get(self, concept_id: str) -> Concept | None:
        """A concept by its id or an alternate id; None where there is none."""
        row = self.row(concept_id)
        return None if row is None else self.concept(row)

    def concept(self, row: int) -> Concept:
        """The concept in a row."""
        detail = self._detail(row)
        aliases = tuple(Alias(self.aliases[i], SCOPES[self.alias_scope[i]]) for i in self.alias_rows(row))
        return Concept(
            concept_id=self.concept_ids[row],
            name=aliases[0].text,
            aliases=aliases,
            types=self.concept_types(row),
            parents=tuple(self.concept_ids[parent] for parent in self._parents[row]),
            definition=detail.get("definition", ""),
            xrefs=tuple(detail.get("xrefs", ())),
            alternate_ids=tuple(detail.get("alternate_ids", ())),
            properties=detail.get("properties", {}),
        )

    def __iter__(self) -> Iterator[Concept]:
        return map(self.concept, range(len(self)))

    def concept_name(self, row: int) -> str:
        """The preferred name of the concept in a row."""
        return str(self.aliases[self._first_alias[row]])

    def concept_types(self, row: int) -> tuple[str, ...]:
        """The semantic types of the concept in a row."""
        return tuple(self.types[number] for number in self.concept_type_rows(row))

    def concept_type_rows(self, row: int) -> list[int]:
        """The positions in :attr:`types` of the semantic types of the concept in a row."""
        return list(self._concept_types[row].tolist())

    def of_no_other_types(self, types: Collection[str]) -> npt.NDArray[np.bool_]:
        """Whether concepts have semantic types, all of which are among some.

        Arguments:
            types: The semantic types.

        Returns:
            For the concept in each row, not to be written to. Shape (concepts,).
        """
        key = frozenset(types)
        if key not in self._of_types:
            among = np.array([name in key for name in self.types], dtype=bool)
            starts = np.concatenate([[0], self._concept_types.ends])
            others = np.concatenate([[0], np.cumsum(~among[self._concept_types.values])])[starts]
            self._of_types[key] = (np.diff(starts) > 0) & (np.diff(others) == 0)
        return self._of_types[key]

    def is_parent(self, row: int) -> bool:
        """Whether the concept in a row has concepts below it."""
        return bool(self._columns["concept_is_parent"][row])

    def alias_rows(self, row: int) -> range:
        """The rows of a concept's names, the preferred one first."""
        end = int(self._first_alias[row + 1]) if row + 1 < len(self) else len(self.aliases)
        return range(int(self._first_alias[row]), end)

    def parents(self, row: int) -> list[int]:
        """The rows of the concepts right above one."""
        rows: list[int] = self._parents[row].tolist()
        return rows

    def children(self, row: int) -> list[int]:
        """The rows of the concepts right below one, found by a search through all."""
        if not self.is_parent(row):
            return []
        places = np.flatnonzero(self._columns["concept_parents_values"] == row)
        rows: list[int] = np.searchsorted(self._columns["concept_parents_ends"], places, side="right").tolist()
        return rows

    def ancestors(self, row: int) -> set[int]:
        """The rows of all concepts above one, itself left out."""
        found: set[int] = set()
        stack = [row]
        while stack:
            for parent in self.parents(stack.pop()):
                if parent not in found:
                    found.add(parent)
                    stack.append(parent)
        return found

    def ancestors_alike(self, row: int, levels: int | None = None) -> frozenset[int]:
        """The rows of the concepts above one that share a semantic type with it, as chapters do not with codes.

        Arguments:
            row: Row of the concept.
            levels: How far above it; None for all.
        """
        return self._alike_above(row, levels)

    def _find_alike_above(self, row: int, levels: int | None) -> frozenset[int]:
        types = set(self.concept_type_rows(row))
        found: set[int] = set()
        level = {row}
        while level and levels != 0:
            above = {parent for one in level for parent in self.parents(one)} - found
            level = {one for one in above if not types.isdisjoint(self.concept_type_rows(one))}
            found |= level
            levels = levels if levels is None else levels - 1
        return frozenset(found)

    def exact(self, text: str) -> list[int]:
        """Rows of the aliases that are this text but for case, dashes, quotes and white space."""
        key = verbatim_key(text)
        return [int(i) for i in self._verbatim[hash64(key)] if verbatim_key(self.aliases[i]) == key]

    def same_words(self, text: str) -> list[int]:
        """Rows of the aliases with the same words, but for order, inflection, spelling and stop words."""
        stems = sorted(stems_of(text))
        return [int(i) for i in self._bags[bag_hash(stems)] if sorted(stems_of(self.aliases[i])) == stems]

    def word_rows(self, stem: str) -> list[int]:
        """Rows of a stem in :attr:`words`: one, or none where no name has it."""
        return [int(i) for i in self.word_hashes[hash64(stem)] if self.words[i] == stem]

    @property
    def bags(self) -> HashIndex:
        """From the hash of a name's words in any order to rows of aliases."""
        return self._bags

    @property
    def longest_name(self) -> int:
        """Most words in a name, stop words left out."""
        return int(self.manifest["longest_name"])

    @cached_property
    def words(self) -> Strings:
        """The different stems of all names."""
        return self._strings("word")

    def has_spelling(self, words: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Whether any name has words just so, inflection and all.

        Arguments:
            words: Of five or more small letters from a to z each; of others it tells nothing.

        Returns:
            For each word. Shape (words,).
        """
        known = self._columns["spelling"]
        hashes = np.array([hash64(word) for word in words], dtype=np.uint64)
        at = np.searchsorted(known, hashes)
        found: npt.NDArray[np.bool_] = at < len(known)
        found[found] = known[at[found]] == hashes[found]
        return found

    @cached_property
    def word_hashes(self) -> HashIndex:
        """From the hash of a stem to its row in :attr:`words`."""
        return self._index("word")

    @cached_property
    def word_grams(self) -> tuple[Array, Lists]:
        """Sorted hashes of the character trigrams of all stems, and for each the rows of the stems that have it."""
        return self._columns["gram"], self._lists("gram_words")

    @cached_property
    def word_aliases(self) -> Lists:
        """For each stem the rows of the aliases that hold it."""
        return self._lists("word_aliases")

    @cached_property
    def alias_words(self) -> Lists:
        """For each alias the rows of its stems."""
        return self._lists("alias_words")

    @cached_property
    def word_weight(self) -> Array:
        """How much each stem tells, from how few names hold it. Shape (stems,), float32."""
        return self._columns["word_weight"]

    @cached_property
    def alias_weight(self) -> Array:
        """The sum of the weights of each alias's stems. Shape (aliases,), float32."""
        return self._columns["alias_weight"]

    def _detail(self, row: int) -> dict[str, Any]:
        text = self._details[row]
        return dict(json.loads(text)) if text else {}

    def _strings(self, name: str) -> Strings:
        return Strings(self._columns[f"{name}_data"], self._columns[f"{name}_ends"])

    def _lists(self, name: str) -> Lists:
        return Lists(self._columns[f"{name}_values"], self._columns[f"{name}_ends"])

    def _index(self, name: str) -> HashIndex:
        return HashIndex(self._columns[f"{name}_hashes"], self._columns[f"{name}_rows"])


def trigrams(word: str) -> set[str]:
    """The character trigrams of a stem, its ends marked."""
    marked = f"^{word}$"
    return {marked[i : i + 3] for i in range(max(1, len(marked) - 2))}


def gram_hash(gram: str) -> int:
    """A 32-bit number for a trigram."""
    return hash64(gram) & 0xFFFFFFFF
