"""Plain text: read as UTF-8, newlines kept as they are, so that offsets hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.encodings import decode

# What XML 1.0 cannot hold, https://www.w3.org/TR/xml/#charsets.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_text(path: str | Path) -> str:
    """Read a text file exactly as it is.

    Arguments:
        path: The file.

    Returns:
        Its text; carriage returns are kept, a byte-order mark is dropped.

    Raises:
        MedlinkError: The file is missing, a folder, unreadable or not UTF-8.
    """
    try:
        return decode(Path(path).read_bytes(), str(path))[0]
    except FileNotFoundError:
        raise MedlinkError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise MedlinkError(f"{path}: is a folder; name the files in it, for example {path}/*.txt") from None
    except OSError as error:
        raise MedlinkError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def read_blocks(path: str | Path) -> Iterator[list[tuple[int, str]]]:
    """Read the blocks of lines that blank lines set apart, as corpora keep their documents.

    Arguments:
        path: The file.

    Yields:
        The lines of a block with their numbers, from 1.

    Raises:
        MedlinkError: As :func:`read_text`.
    """
    # split("\n"), not splitlines(): abstracts may hold other characters that Python takes for newlines.
    return blocks_of(read_text(path).split("\n"))


def blocks_of(lines: Iterable[str]) -> Iterator[list[tuple[int, str]]]:
    """The blocks of lines that blank lines set apart; see :func:`read_blocks`."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate(chain(lines, [""]), start=1):
        if line.strip():
            block.append((number, line.removesuffix("\n").removesuffix("\r")))
        elif block:
            yield block
            block = []


def xml_text(text: str) -> str:
    """A text as XML can hold it: other characters are U+FFFD, so that offsets stay."""
    return _NO_XML.sub("\ufffd", text)
