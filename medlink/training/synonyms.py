"""Names grouped by what they mean, gathered from several terminologies: what the bi-encoder learns from.

Concepts of different terminologies that share a cross-reference or a name are one group, at most one of each
terminology, so that names learnt for one serve the others.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.evaluation.linking import read_gold
from medlink.linking.linker import expand_queries
from medlink.linking.stages import Query
from medlink.terminology.readers import READERS
from medlink.terminology.words import verbatim_key
from medlink.training.settings import MentionSettings, SourceSettings
from medlink.types import Concept

_PREFIXES = {"MSH": "MESH", "OMIMPS": "OMIM", "NCIT": "NCI"}
#: Scopes of names that are not the concept's own.
_LOOSE = frozenset({"broad", "includes"})
# Classes of what has no code of its own ("Other specified muscular dystrophies"): their names do not mean the same.
_RESIDUAL = "Other "
_SIDE = re.compile(r"\b(?:left|right|bilateral)\b", re.IGNORECASE)


@dataclass(slots=True)
class Group:
    """Names of one meaning.

    Arguments:
        names: The names.
        mentions: How corpora mention it, where that is none of the names.
        sources: The terminologies they come from.
        parents: Positions of the groups right above.
        definition: A definition, or the empty string.
    """

    names: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    parents: set[int] = field(default_factory=set)
    definition: str = ""


def read_groups(
    sources: Mapping[str, SourceSettings], mentions: Mapping[str, MentionSettings]
) -> tuple[list[Group], dict[str, list[int]]]:
    """Read names from terminologies, and from the mentions of annotated corpora.

    Arguments:
        sources: The terminologies by name.
        mentions: The corpora by name.

    Returns:
        The groups, and for each terminology the positions of its groups.

    Raises:
        MedlinkError: A source cannot be read, or a corpus names a terminology that is not among the sources.
    """
    groups: list[Group] = []
    position: dict[tuple[str, str], int] = {}
    by_xref: dict[str, int] = {}
    by_name: dict[str, list[int]] = defaultdict(list)
    parents: list[tuple[int, tuple[str, str]]] = []
    for source, settings in sources.items():
        for concept in read_concepts(settings):
            at = _home(concept, source, groups, by_xref, by_name)
            group = groups[at]
            group.sources.add(source)
            group.definition = group.definition or concept.definition
            known = set(group.names)
            for name in _names(concept):
                if name not in known:
                    known.add(name)
                    group.names.append(name)
                    by_name[verbatim_key(name)].append(at)
            for id_ in (concept.concept_id, *concept.alternate_ids):
                position.setdefault((source, id_), at)
            for xref in (*_own_ids(concept), *concept.xrefs):
                by_xref.setdefault(_normal(xref), at)
            parents += [(at, (source, parent)) for parent in concept.parents]
    for at, above in parents:
        if above in position and position[above] != at:
            groups[at].parents.add(position[above])
    for corpus in mentions.values():
        if corpus.terminology not in sources:
            raise MedlinkError(f"mentions are linked to {corpus.terminology!r}, which is not among the sources")
        meant: dict[str, Counter[int]] = defaultdict(Counter)  # by how they are looked up
        written: dict[str, str] = {}
        for text, ids in linked_mentions(corpus.path, corpus.labels):
            found = {position.get((corpus.terminology, id_)) for id_ in ids}
            if len(found) == 1 and (only := found.pop()) is not None:
                key = verbatim_key(text)
                meant[key][only] += 1
                written.setdefault(key, text)
        for key, counts in meant.items():
            ((at, _),) = counts.most_common(1)
            # Notes tell the side of a code beside its mention.
            sided = all(map(_SIDE.search, groups[at].names)) and not _SIDE.search(key)
            if at not in by_name.get(key, ()) and not sided:
                groups[at].mentions.append(written[key])
    members: dict[str, list[int]] = {source: [] for source in sources}
    for i, group in enumerate(groups):
        for source in sorted(group.sources):
            members[source].append(i)
    return groups, members


def read_concepts(settings: SourceSettings) -> Iterator[Concept]:
    """The concepts of a source that training may see."""
    for concept in READERS[settings.format].read([Path(one) for one in settings.files]).concepts:
        if settings.without_xref and any(xref.startswith(f"{settings.without_xref}:") for xref in concept.xrefs):
            continue
        if settings.without_ids and concept.concept_id.startswith(tuple(settings.without_ids)):
            continue
        yield concept


def linked_mentions(path: str, labels: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The mentions of a corpus that have a concept, with the abbreviations that their documents tell written out.

    Arguments:
        path: As for :func:`medlink.evaluation.linking.read_gold`.
        labels: Labels of the mentions to take; empty for all.

    Yields:
        The mention, and the ids of its concepts.
    """
    gold = [one for one in read_gold(path, labels) if one.concept_ids]
    for one, expansion in zip(gold, expand_queries([Query(one.text, one.context) for one in gold]), strict=True):
        yield one.text if expansion.open else expansion.text, one.concept_ids


def _names(concept: Concept) -> list[str]:
    names = [concept.name]
    if concept.name.startswith(_RESIDUAL):
        return names
    names += [alias.text for alias in concept.aliases if alias.scope not in _LOOSE and alias.text.strip()]
    return names


def _home(
    concept: Concept,
    source: str,
    groups: list[Group],
    by_xref: Mapping[str, int],
    by_name: Mapping[str, Sequence[int]],
) -> int:
    """The group that a concept joins: by its cross-references, else by its names, else a new one."""
    places = [by_xref[xref] for xref in map(_normal, (*_own_ids(concept), *concept.xrefs)) if xref in by_xref]
    places += [at for name in _names(concept)[:1] for at in by_name.get(verbatim_key(name), ())]
    for at in places:
        if source not in groups[at].sources:
            return at
    groups.append(Group())
    return len(groups) - 1


def _own_ids(concept: Concept) -> list[str]:
    """What other terminologies' cross-references call the concept: MEDIC's ids are MeSH's and OMIM's."""
    return [id_ if ":" in id_ else f"MESH:{id_}" for id_ in (concept.concept_id, *concept.alternate_ids)]


def _normal(xref: str) -> str:
    prefix, _, rest = xref.partition(":")
    return f"{_PREFIXES.get(prefix, prefix)}:{rest}"
