"""IOB in two columns (``token<tab>B-Type``), sentences apart by blank lines, as AnatEM and BC2GM come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.text import read_blocks

Sentence = tuple[list[str], list[str]]


def read_iob(path: str | Path) -> Iterator[Sentence]:
    """Read a token-per-line file.

    Arguments:
        path: The file; first column the token, last column the tag.

    Yields:
        Tokens and tags of one sentence.

    Raises:
        MedlinkError: The file cannot be read, a line has no tag, or a tag is not O, B-… or I-….
    """
    for block in read_blocks(path):
        tokens: list[str] = []
        tags: list[str] = []
        for number, line in block:
            fields = line.split("\t")
            if len(fields) < 2 or not (fields[-1] == "O" or fields[-1][:2] in ("B-", "I-")):
                raise MedlinkError(f"{path}:{number}: expected 'token<tab>O', 'B-Type' or 'I-Type', found {line!r}")
            tokens.append(fields[0])
            tags.append(fields[-1])
        yield tokens, tags
