"""MEDIC, the disease vocabulary of the Comparative Toxicogenomics Database: ``id|id…||name|name…``, a concept a line.
Apostrophes and accents are HTML entities there (``Crohn&apos;s``).

Source: Davis et al., MEDIC: a practical disease vocabulary used at the Comparative Toxicogenomics Database (2012).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import unescape
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.text import read_text
from medlink.terminology.readers import Source
from medlink.types import Alias, Concept


def read_medic(files: Sequence[Path]) -> Source:
    """Read MEDIC from its text file.

    The first id of a line is the concept's, the others are alternate ids. Ids that are bare numbers are OMIM's:
    the concept id becomes ``OMIM:613097``, and the number alone remains an alternate id.

    Arguments:
        files: The file, one.

    Raises:
        MedlinkError: There is not one file, or a line is not of this form.
    """
    if len(files) != 1:
        raise MedlinkError("format medic reads one file of lines 'id|id…||name|name…'")
    path = Path(files[0])
    return Source(_read(path), "", (path,))


def _read(path: Path) -> Iterator[Concept]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        ids, separator, names = line.strip().partition("||")
        first, *other = [unescape(name).strip() for name in names.split("|")]
        if not separator or not ids or not first:
            raise MedlinkError(f"{path}:{number}: expected 'id|id…||name|name…', found {line[:60]!r}")
        full = [f"OMIM:{one}" if one.isdigit() else one for one in ids.split("|")]
        bare = [one for one in ids.split("|") if one.isdigit()]
        yield Concept(
            concept_id=full[0],
            name=first,
            aliases=tuple(Alias(name, "exact") for name in other if name),
            alternate_ids=(*full[1:], *bare),
        )
