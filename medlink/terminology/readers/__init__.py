"""Readers of terminology sources, one file per format.

A reader takes the source's files and gives concepts; :data:`READERS` says which formats there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from medlink.types import Concept


@dataclass(frozen=True, slots=True)
class Source:
    """What a reader read.

    Arguments:
        concepts: The concepts.
        version: Version of the source, as it states it.
        files: The files read.
    """

    concepts: Iterable[Concept]
    version: str
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Reader:
    """A source format.

    Arguments:
        read: Reads the files; without any, those of the Python package that carries the source.
        labels: Mention labels that such a terminology has concepts for; empty for any.
        licence: Licence of the source.
    """

    read: Callable[[Sequence[Path]], Source]
    labels: tuple[str, ...] = ()
    licence: str = ""


def _icd10cm(files: Sequence[Path]) -> Source:
    from medlink.terminology.readers.icd10cm import read_icd10cm
    from medlink.terminology.readers.misleading import without_misleading_names

    return without_misleading_names(read_icd10cm(files), "icd10cm")


def _hpo(files: Sequence[Path]) -> Source:
    from medlink.terminology.readers.misleading import without_misleading_names
    from medlink.terminology.readers.obo import read_hpo

    return without_misleading_names(read_hpo(files), "hpo")


def _obo(files: Sequence[Path]) -> Source:
    from medlink.terminology.readers.obo import read_obo

    return read_obo(files)


def _medic(files: Sequence[Path]) -> Source:
    from medlink.terminology.readers.medic import read_medic

    return read_medic(files)


def _drugbank(files: Sequence[Path]) -> Source:
    from medlink.terminology.readers.drugbank import read_drugbank

    return read_drugbank(files)


def _jsonl(files: Sequence[Path]) -> Source:
    from medlink.terminology.readers.jsonl import read_jsonl

    return read_jsonl(files)


READERS = {
    "icd10cm": Reader(_icd10cm, ("CONDITION",), "public domain (U.S. National Center for Health Statistics)"),
    "hpo": Reader(
        _hpo, ("CONDITION",), "HPO licence, https://hpo.jax.org/license: free use with attribution and version"
    ),
    "obo": Reader(_obo),
    "medic": Reader(_medic, ("CONDITION",), "CTD: free for research, commercial use by licence, https://ctdbase.org"),
    "drugbank": Reader(_drugbank, ("DRUG",), "CC0 1.0 (DrugBank open vocabulary)"),
    "jsonl": Reader(_jsonl),
}
