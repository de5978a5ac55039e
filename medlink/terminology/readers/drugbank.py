"""DrugBank open vocabulary: a CSV file with the id, the common name and the synonyms of each drug.

Source: https://go.drugbank.com/releases/latest#open-data
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.text import read_text
from medlink.terminology.readers import Source
from medlink.types import Alias, Concept

_ID, _NAME, _SYNONYMS, _OTHER_IDS = "DrugBank ID", "Common name", "Synonyms", "Accession Numbers"


def read_drugbank(files: Sequence[Path]) -> Source:
    """Read the vocabulary; CAS number and UNII become cross-references.

    Arguments:
        files: The CSV file, one.

    Raises:
        MedlinkError: There is not one file, or its columns are others.
    """
    if len(files) != 1:
        raise MedlinkError("format drugbank reads one CSV file, DrugBank's open vocabulary")
    path = Path(files[0])
    return Source(_read(path), "", (path,))


def _read(path: Path) -> Iterator[Concept]:
    rows = csv.DictReader(read_text(path).splitlines(keepends=True))
    if missing := {_ID, _NAME, _SYNONYMS, _OTHER_IDS} - set(rows.fieldnames or ()):
        raise MedlinkError(f"{path}: no column {sorted(missing)[0]!r}; name DrugBank's open vocabulary (CSV)")
    for row in rows:
        synonyms = [one.strip() for one in row[_SYNONYMS].split(" | ")]
        xrefs = [f"{name}:{row[name]}" for name in ("CAS", "UNII") if row.get(name)]
        yield Concept(
            concept_id=row[_ID],
            name=row[_NAME],
            aliases=tuple(Alias(one, "exact") for one in synonyms if one),
            xrefs=tuple(xrefs),
            alternate_ids=tuple(one.strip() for one in row[_OTHER_IDS].split("|") if one.strip()),
        )
