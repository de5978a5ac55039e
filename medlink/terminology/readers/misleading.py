"""Names left out of the terminologies that medlink ships, since a clinician who writes them means something else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files as package_files

from medlink.terminology.readers import Source
from medlink.types import Concept


def without_misleading_names(source: Source, terminology: str) -> Source:
    """A source without the names listed for it in ``data/misleading-names.tsv``.

    Arguments:
        source: What was read; preferred names stay.
        terminology: ``"icd10cm"`` or ``"hpo"``.
    """
    return replace(source, concepts=_without(source, _misleading(terminology)))


def _misleading(terminology: str) -> dict[str, set[str]]:
    text = package_files("medlink.terminology").joinpath("data/misleading-names.tsv").read_text("utf-8")
    names: dict[str, set[str]] = defaultdict(set)
    for line in text.splitlines():
        if not line.startswith("#"):
            of, concept, name = line.split("\t")
            if of == terminology:
                names[concept].add(name)
    return names


def _without(source: Source, misleading: dict[str, set[str]]) -> Iterator[Concept]:
    for concept in source.concepts:
        if out := misleading.get(concept.concept_id):
            concept = replace(concept, aliases=tuple(alias for alias in concept.aliases if alias.text not in out))
        yield concept
