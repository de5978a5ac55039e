"""HPO GSC+: a document id, its text on one line, then ``start<tab>end<tab>mention<tab>concept`` lines.

Source: Lobo et al. 2017, "Identifying Human Phenotype Terms by Combining Machine Learning and Validation Rules".
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.text import read_blocks
from medlink.types import Document, Mention


def read_gsc(path: str | Path) -> Iterator[Document]:
    """Read a GSC+ file.

    Arguments:
        path: The file.

    Yields:
        Documents; mentions bear the label ``CONDITION`` and one HPO id each.

    Raises:
        MedlinkError: The file cannot be read or a mention line is broken.
    """
    for block in read_blocks(path):
        yield _parse(block, path)


def _parse(block: list[tuple[int, str]], path: str | Path) -> Document:
    if len(block) < 2:
        raise MedlinkError(f"{path}:{block[0][0]}: expected a document id and, on the next line, its text")
    (_, doc_id), (_, text), *lines = block
    mentions = []
    for number, line in lines:
        fields = line.split("\t")
        if len(fields) != 4 or not (fields[0].isdigit() and fields[1].isdigit()):
            raise MedlinkError(
                f"{path}:{number}: expected 'start<tab>end<tab>mention<tab>concept', found {line[:60]!r}"
            )
        mentions.append(Mention(int(fields[0]), int(fields[1]), "CONDITION", (fields[3].strip(),)))
    return Document(doc_id.strip(), text, tuple(mentions))
