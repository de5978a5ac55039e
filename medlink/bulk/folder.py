"""The folder of a run: what the run is, which shards are done, and their files.

``manifest.json`` says what the run is; a run with another is refused. ``inputs.jsonl`` lists its files. Each finished
shard has a line in ``ledger.jsonl``, written after its files; files without a line are done again. Documents that could
not be annotated are in ``quarantine/``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from medlink.errors import MedlinkError
from medlink.formats.sources import Columns, Source

_MANIFEST, _INPUTS, _LEDGER, _LOCK = "manifest.json", "inputs.jsonl", "ledger.jsonl", ".lock"
#: Folder of the documents that failed.
QUARANTINE = "quarantine"
# What may differ when a run goes on.
_FREE = ("date",)


class RunFolder:
    """The folder of a run, held by one process at a time.

    Arguments:
        path: The folder; made if it is not there.
        manifest: What the run is.
        sources: The run's files; passed over where the folder has a run.

    Raises:
        MedlinkError: The folder cannot be written, belongs to another run or to something else, or is in use.
    """

    def __init__(self, path: Path, manifest: dict[str, Any], sources: Sequence[Source]) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(path / _LOCK)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise MedlinkError(f"{path}: another process is at work on this run; wait for it, or stop it") from None
        except OSError as error:
            raise MedlinkError(f"{path}: cannot be written ({error.strerror}); choose another folder") from None
        try:
            self.manifest = self._begin(manifest, sources)
            self.finished = self._read_ledger()
            self.tidy()
        except OSError as error:
            self._lock.release()
            raise MedlinkError(f"{path}: cannot be written ({error.strerror})") from None
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()

    @cached_property
    def sources(self) -> list[Source]:
        """The run's files."""
        return list(read_inputs(self.path))

    def entries(self) -> Iterator[dict[str, Any]]:
        """The lines of the finished shards, in order of their numbers."""
        offsets = sorted(self.finished.items())
        with (self.path / _LEDGER).open("rb") as file:
            for _, offset in offsets:
                file.seek(offset)
                yield json.loads(file.readline())

    def finish(self, entry: dict[str, Any]) -> None:
        """Note that a shard is done.

        Raises:
            MedlinkError: The ledger cannot be written.
        """
        try:
            with (self.path / _LEDGER).open("ab") as file:
                self.finished[entry["shard"]] = file.tell()
                file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise MedlinkError(
                f"{self.path / _LEDGER}: cannot be written ({error.strerror}); make room and run the same command again"
            ) from None

    def _begin(self, manifest: dict[str, Any], sources: Sequence[Source]) -> dict[str, Any]:
        file = self.path / _MANIFEST
        if file.exists():
            known = read_manifest(self.path)
            if not known:
                raise MedlinkError(f"{file}: not the manifest of a run; choose another folder")
            for name in sorted({*known, *manifest} - set(_FREE)):
                if known.get(name) != manifest.get(name):
                    raise MedlinkError(
                        f"{self.path}: holds a run with another {_different(name, known, manifest)}; choose another "
                        "folder, or give the same settings to go on"
                    )
            return known
        if others := sorted(one.name for one in self.path.iterdir() if one.name not in (_LOCK, _INPUTS)):
            raise MedlinkError(f"{self.path}: holds other files ({others[0]}); choose an empty or a new folder")
        lines = (json.dumps([one.path, one.format], ensure_ascii=False) for one in sources)
        write_whole(self.path / _INPUTS, "".join(f"{line}\n" for line in lines).encode())
        write_whole(file, (json.dumps(manifest, ensure_ascii=False, indent=1) + "\n").encode())
        return manifest

    def _read_ledger(self) -> dict[int, int]:
        """The shards that are done and where their lines begin; a line that was cut off is taken away."""
        file, finished, good = self.path / _LEDGER, {}, 0
        if not file.exists():
            return {}
        with file.open("r+b") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    break
                if not line.endswith(b"\n"):
                    break
                finished[int(entry["shard"])] = good
                good += len(line)
            lines.truncate(good)
        return finished

    def tidy(self) -> None:
        """Take away what was not finished when a run was interrupted."""
        (self.path / QUARANTINE).mkdir(exist_ok=True)
        for folder in (self.path, self.path / QUARANTINE):
            for one in folder.iterdir():
                number = part_number(one.name)
                if one.name.endswith(PARTIAL) or (number is not None and number not in self.finished):
                    shutil.rmtree(one) if one.is_dir() else one.unlink()


#: End of the name of what is not finished.
PARTIAL = ".partial"


def part_name(number: int) -> str:
    """Name of a shard's file, without what tells its format."""
    return f"part-{number:06d}"


def part_number(name: str) -> int | None:
    """The shard that a file belongs to; None where it belongs to none."""
    start, _, rest = name.partition("-")
    digits = rest.partition(".")[0]
    return int(digits) if start == "part" and digits.isdigit() else None


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of the run in a folder; empty where it has none."""
    try:
        known: dict[str, Any] = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        return known if "shard" in known else {}
    except (OSError, ValueError):
        return {}


def read_inputs(path: Path) -> Iterator[Source]:
    """The files of the run in a folder."""
    settings = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))["settings"]
    columns = Columns(**settings["columns"])
    with (path / _INPUTS).open(encoding="utf-8") as lines:
        for line in lines:
            place, format = json.loads(line)
            yield Source(place, format, columns, settings["encoding"])


def scratch_name(path: Path) -> Path:
    """Where a file is written before it gets its name: another place in each process."""
    return path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    scratch = scratch_name(path)
    with scratch.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def _different(name: str, known: dict[str, Any], wanted: dict[str, Any]) -> str:
    """Says what of a manifest's part is different, and how."""
    one, other = known.get(name), wanted.get(name)
    if isinstance(one, dict) and isinstance(other, dict):
        within = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))[0]
        return f"{name}, {_different(within, one, other)}"
    return f"{name} ({one!r}, not {other!r})"
