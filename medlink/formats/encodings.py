"""Encodings of text: UTF-8 unless told otherwise, and what a text that is not UTF-8 looks like."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import BinaryIO

from medlink.errors import MedlinkError

#: Asks for an encoding to be detected where a text is not UTF-8.
AUTO = "auto"
_CHUNK, _SAMPLE = 1 << 20, 1 << 18
# What English notes come in. Among all encodings that there are, short texts look like the wrong one.
_LIKELY = ("cp1252", "mac_roman", "cp850")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes, source: str, encoding: str = "utf-8") -> tuple[str, str]:
    """Decode a text strictly.

    Arguments:
        data: Its bytes.
        source: Where they come from, for the error.
        encoding: Name of the encoding, or :data:`AUTO`: UTF-8 where it is that, else what a byte-order mark or
            ``charset-normalizer`` tells. A byte-order mark is dropped.

    Returns:
        The text, and the encoding that was read.

    Raises:
        MedlinkError: The encoding is unknown, or the bytes are none of it.
    """
    read = find_encoding(partial(io.BytesIO, data), source, encoding)
    return data.decode(codec(read)), read


def find_encoding(opened: Callable[[], AbstractContextManager[BinaryIO]], source: str, encoding: str) -> str:
    """The encoding in which a file can be decoded to its end; arguments as for :func:`decode`.

    Arguments:
        opened: Opens the file.
        source: Where it comes from, for the error.
        encoding: Name of the encoding, or :data:`AUTO`.
    """
    try:
        wanted = "utf-8" if encoding == AUTO else codecs.lookup(encoding).name
    except LookupError:
        raise MedlinkError(f"unknown encoding {encoding!r}; try 'utf-8', 'windows-1252' or 'auto'") from None
    broken = _broken(opened, wanted)
    if broken is not None:
        with opened() as file:
            likely = detect(file.read(_SAMPLE))
        if likely and _broken(opened, likely) is not None:
            likely = ""
        if not likely or encoding != AUTO:
            hint = f"it looks like {likely}: give --encoding {likely}, or auto" if likely else "name its --encoding"
            raise MedlinkError(f"{source}: not {wanted} (byte {broken}); {hint}")
        wanted = likely
    return wanted


def codec(encoding: str) -> str:
    """The name under which Python decodes an encoding without its byte-order mark."""
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _broken(opened: Callable[[], AbstractContextManager[BinaryIO]], encoding: str) -> int | None:
    """The first byte that cannot be decoded; None where all can."""
    decoder = codecs.getincrementaldecoder(encoding)()
    at = 0
    with opened() as file:
        while True:
            chunk = file.read(_CHUNK)
            before = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                return at - before + error.start
            if not chunk:
                return None
            at += len(chunk)


def detect(data: bytes) -> str:
    """The encoding that bytes are likely in, or ""."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    if b"\0" in data[:2]:
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=list(_LIKELY)).best()
    return best.encoding.replace("_", "-") if best is not None else ""
