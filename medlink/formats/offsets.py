"""Mentions kept apart from the text they are in, for texts that may not be copied.

A note a line, as JSON: the file that holds its text, the file's SHA-256, how many of its characters were annotated,
and the first character and the one after the last of each mention, by label::

    {"file": "clinic/12.txt", "sha256": "9f8…", "length": 31, "mentions": {"DRUG": [[5, 12]]}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.text import read_text
from medlink.types import Document, Mention


def read_offsets(path: str | Path, texts: str | Path) -> Iterator[Document]:
    """Read notes with their mentions.

    Arguments:
        path: The file of offsets.
        texts: Folder of the texts.

    Yields:
        For each note the name of its file, the annotated part of its text, and its mentions in order.

    Raises:
        MedlinkError: A file is missing, a text is another than the one that was annotated, or a line is broken.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            name, length = str(values["file"]), int(values["length"])
            spans = [(int(start), int(end), label) for label, of in values["mentions"].items() for start, end in of]
            checksum = values["sha256"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MedlinkError(
                f"{path}:{number}: broken ({error!r}); expected 'file', 'sha256', 'length' and 'mentions'"
            ) from None
        file = Path(texts) / name
        text = read_text(file)
        if hashlib.sha256(file.read_bytes()).hexdigest() != checksum:
            raise MedlinkError(
                f"{file}: is not the text that {path}:{number} annotates (its SHA-256 differs); get the same version"
            )
        if not all(0 <= start < end <= length <= len(text) for start, end, _ in spans):
            raise MedlinkError(f"{path}:{number}: a mention lies outside the {length} characters annotated")
        yield Document(name, text[:length], tuple(Mention(start, end, label) for start, end, label in sorted(spans)))
