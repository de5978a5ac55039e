"""Output of commands: to the screen, or to a file that appears whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from medlink.errors import MedlinkError


def write_output(content: str | bytes, path: Path | None) -> None:
    """Write a text, or a file's bytes.

    Arguments:
        content: What to write.
        path: Where to; None for standard output.

    Raises:
        MedlinkError: The file cannot be written.
    """
    # Not as text: newlines of notes stay as they are.
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    if path is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        handle, scratch = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            umask = os.umask(0)
            os.umask(umask)
            Path(scratch).chmod(0o666 & ~umask)
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MedlinkError(f"{path}: cannot be written ({error.strerror}); choose another file") from None
