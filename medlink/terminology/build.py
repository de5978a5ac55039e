"""Building a terminology: concepts in, columns and their indexes out."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medlink.errors import MedlinkError
from medlink.terminology.columns import Array, HashIndex, Lists, Strings, pack_columns, write_columns
from medlink.terminology.store import FORMAT, SCOPE_NUMBER, gram_hash, trigrams
from medlink.terminology.words import bag_hash, hash64, runs_of_letters, stems_of, verbatim_key
from medlink.types import Concept


def build_terminology(
    folder: Path,
    name: str,
    concepts: Iterable[Concept],
    *,
    version: str = "",
    licence: str = "",
    labels: Sequence[str] = (),
    sources: Sequence[Path] = (),
) -> None:
    """Build a terminology into a folder, whole or not at all.

    Arguments:
        folder: Where to; an older build there is replaced.
        name: Name of the terminology.
        concepts: Its concepts, in any order.
        version: Version of its source.
        licence: Licence of its source.
        labels: Mention labels that it has concepts for; empty for any.
        sources: The files it was read from, for their checksums.

    Raises:
        MedlinkError: Two concepts share an id, a concept lacks id or name, there is no concept, or the
            folder cannot be written.
    """
    columns, manifest = _columns(name, concepts)
    manifest |= {"version": version, "licence": licence, "labels": list(labels)}
    manifest["sources"] = {source.name: hashlib.sha256(source.read_bytes()).hexdigest() for source in sources}
    write_columns(folder, columns, manifest, FORMAT)


def build_files(name: str, concepts: Iterable[Concept]) -> dict[str, bytes]:
    """Build a terminology in memory: the files of its folder by name."""
    columns, manifest = _columns(name, concepts)
    return pack_columns(columns, manifest | {"version": "", "licence": "", "labels": [], "sources": {}}, FORMAT)


def _columns(name: str, concepts: Iterable[Concept]) -> tuple[dict[str, Array], dict[str, Any]]:
    ordered = sorted(concepts, key=lambda concept: concept.concept_id)
    if not ordered:
        raise MedlinkError(f"terminology {name}: the source holds no concept; check its format")
    rows: dict[str, int] = {}
    for row, concept in enumerate(ordered):
        if not concept.concept_id or not concept.name.strip():
            raise MedlinkError(f"terminology {name}: concept {concept.concept_id!r} needs both an id and a name")
        if concept.concept_id in rows:
            raise MedlinkError(f"terminology {name}: two concepts have the id {concept.concept_id!r}; ids must differ")
        rows[concept.concept_id] = row
    types = sorted({one for concept in ordered for one in concept.types})
    type_number = {one: number for number, one in enumerate(types)}
    columns: dict[str, Array] = {}

    def put_strings(column: str, strings: Iterable[str]) -> None:
        columns[f"{column}_data"], columns[f"{column}_ends"] = Strings.pack(strings)

    def put_lists(column: str, lists: Iterable[Sequence[int]]) -> None:
        columns[f"{column}_values"], columns[f"{column}_ends"] = Lists.pack(lists)

    def put_index(column: str, entries: Iterable[tuple[int, int]]) -> None:
        columns[f"{column}_hashes"], columns[f"{column}_rows"] = HashIndex.pack(entries)

    put_strings("concept_id", (concept.concept_id for concept in ordered))
    put_strings("concept_details", map(_details, ordered))
    put_lists("concept_types", ([type_number[one] for one in concept.types] for concept in ordered))
    put_lists("concept_parents", ([rows[p] for p in concept.parents if p in rows] for concept in ordered))
    is_parent = np.zeros(len(ordered), dtype=bool)
    is_parent[columns["concept_parents_values"]] = True
    columns["concept_is_parent"] = is_parent
    ids = [(hash64(concept.concept_id), row) for row, concept in enumerate(ordered)]
    # An alternate id never hides a living concept.
    ids += [
        (hash64(other), row)
        for row, concept in enumerate(ordered)
        for other in concept.alternate_ids
        if other not in rows
    ]
    put_index("id", ids)

    names: list[str] = []
    of_concept: list[int] = []
    scopes: list[int] = []
    first: list[int] = []
    for row, concept in enumerate(ordered):
        first.append(len(names))
        for text, scope in _names(concept):
            names.append(text)
            of_concept.append(row)
            scopes.append(SCOPE_NUMBER[scope])
    put_strings("alias_text", names)
    columns["alias_concept"] = np.array(of_concept, dtype=np.int32)
    columns["alias_scope"] = np.array(scopes, dtype=np.uint8)
    columns["concept_first_alias"] = np.array(first, dtype=np.int32)
    stems = [stems_of(text) for text in names]
    put_index("verbatim", ((hash64(verbatim_key(text)), i) for i, text in enumerate(names)))
    put_index("bag", ((bag_hash(words), i) for i, words in enumerate(stems)))

    spellings = sorted({hash64(word) for text in names for word in runs_of_letters(text)})
    columns["spelling"] = np.array(spellings, dtype=np.uint64)

    vocabulary = sorted({word for words in stems for word in words})
    number = {word: i for i, word in enumerate(vocabulary)}
    put_strings("word", vocabulary)
    put_index("word", ((hash64(word), i) for i, word in enumerate(vocabulary)))
    unique = [sorted({number[word] for word in words}) for words in stems]
    put_lists("alias_words", unique)
    holders: list[list[int]] = [[] for _ in vocabulary]
    for alias, words_of_alias in enumerate(unique):
        for word_row in words_of_alias:
            holders[word_row].append(alias)
    put_lists("word_aliases", holders)
    weight = np.array([math.log(1 + len(names) / len(held)) for held in holders], dtype=np.float32)
    columns["word_weight"] = weight
    columns["alias_weight"] = np.array([weight[rows_of_words].sum() for rows_of_words in unique], dtype=np.float32)
    grams: dict[int, list[int]] = defaultdict(list)
    for i, word in enumerate(vocabulary):
        for hashed in {gram_hash(gram) for gram in trigrams(word)}:
            grams[hashed].append(i)
    columns["gram"] = np.array(sorted(grams), dtype=np.uint32)
    put_lists("gram_words", (grams[hashed] for hashed in sorted(grams)))
    manifest = {
        "name": name,
        "concepts": len(ordered),
        "names": len(names),
        "types": types,
        "longest_name": max(map(len, stems)),
    }
    return columns, manifest


def _names(concept: Concept) -> list[tuple[str, str]]:
    """The names of a concept with their scopes, each once, the preferred one first."""
    best: dict[str, str] = {concept.name: "preferred"}
    for alias in sorted(concept.aliases, key=lambda alias: SCOPE_NUMBER[alias.scope]):
        if alias.text.strip():
            best.setdefault(alias.text, "exact" if alias.scope == "preferred" else alias.scope)
    return list(best.items())


def _details(concept: Concept) -> str:
    details = {
        "definition": concept.definition,
        "xrefs": concept.xrefs,
        "alternate_ids": concept.alternate_ids,
        "properties": concept.properties,
    }
    kept = {key: value for key, value in details.items() if value}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else ""
