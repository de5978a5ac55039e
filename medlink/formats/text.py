"""Plain text: read as UTF-8, newlines kept as they are, so that offsets hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medlink.errors import MedlinkError


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
        return decode(Path(path).read_bytes(), str(path))
    except FileNotFoundError:
        raise MedlinkError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise MedlinkError(f"{path}: is a folder; name the files in it, for example {path}/*.txt") from None
    except OSError as error:
        raise MedlinkError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def decode(data: bytes, source: str) -> str:
    """Decode UTF-8 strictly.

    Arguments:
        data: The bytes of a text.
        source: Where they come from, for the error.

    Raises:
        MedlinkError: The bytes are not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MedlinkError(
            f"{source}: not UTF-8 (byte {error.start}); convert it first, for example with "
            f"'iconv -f WINDOWS-1252 -t UTF-8'"
        ) from None


def read_blocks(path: str | Path) -> Iterator[list[tuple[int, str]]]:
    """Read the blocks of lines that blank lines set apart, as corpora keep their documents.

    Arguments:
        path: The file.

    Yields:
        The lines of a block with their numbers, from 1.

    Raises:
        MedlinkError: As :func:`read_text`.
    """
    block: list[tuple[int, str]] = []
    # split("\n"), not splitlines(): abstracts may hold other characters that Python takes for newlines.
    for number, line in enumerate([*read_text(path).split("\n"), ""], start=1):
        if line.strip():
            block.append((number, line.removesuffix("\r")))
        elif block:
            yield block
            block = []
