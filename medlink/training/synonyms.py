"""Names grouped by what they mean, gathered from several terminologies: what the bi-encoder learns from.

Concepts of different terminologies that share a cross-reference or a name are one group, at most one of each
terminology, so that names learnt for one serve the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from medlink.document.senses import AbbreviationUse, default_abbreviations
from medlink.errors import MedlinkError
from medlink.formats.pubtator import read_pubtator
from medlink.linking.expansion import expand
from medlink.terminology.readers import READERS
from medlink.terminology.words import verbatim_key
from medlink.training.settings import MentionSettings, SourceSettings
from medlink.types import Concept, Document, Mention

_PREFIXES = {"MSH": "MESH", "OMIMPS": "OMIM", "NCIT": "NCI"}
#: Scopes of names that are not the concept's own.
_LOOSE = frozenset({"broad", "includes"})
# Classes of what has no code of its own ("Other specified muscular dystrophies"): their names do not mean the same.
_RESIDUAL = "Other "


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
        for document, mention in linked_mentions(corpus.path, corpus.labels):
            found = {position.get((corpus.terminology, id_)) for id_ in mention.concept_ids}
            text = expanded(document, mention)
            if len(found) != 1 or (only := found.pop()) is None:
                continue
            if text not in groups[only].names and text not in groups[only].mentions:
                groups[only].mentions.append(text)
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


def linked_mentions(path: str, labels: Sequence[str]) -> Iterator[tuple[Document, Mention]]:
    """The mentions of a PubTator corpus that have a concept."""
    for document in read_pubtator(path):
        for mention in document.mentions:
            if mention.concept_ids and (not labels or mention.label in labels):
                yield document, mention


def expanded(document: Document, mention: Mention) -> str:
    """A mention with the abbreviations that its document defines written out."""
    read = expand(document.text, mention.start, mention.end, _uses(document.text))
    return document.text[mention.start : mention.end] if read.open else read.text


@lru_cache(maxsize=8)
def _uses(text: str) -> list[AbbreviationUse]:
    return default_abbreviations().find(text)


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
