"""Columns of a built terminology: NumPy arrays in a folder, opened memory-mapped, and strings packed into them."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medlink.errors import MedlinkError

Array = npt.NDArray[Any]
MANIFEST = "manifest.json"


class Strings(Sequence[str]):
    """Strings packed into one array of UTF-8 bytes; each is decoded when asked for.

    Arguments:
        data: All bytes. Shape (bytes,), uint8.
        ends: Where each string ends in ``data``. Shape (strings,), int64.
    """

    def __init__(self, data: Array, ends: Array) -> None:
        self.data, self.ends = data, ends
        self._bytes, self._end_of = data.data, ends.item  # read at a fraction of the time of an array's items

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: Any) -> Any:
        i = int(index)
        if not 0 <= i < len(self.ends):
            raise IndexError(i)
        start = self._end_of(i - 1) if i else 0
        return str(self._bytes[start : self._end_of(i)], "utf-8", "surrogatepass")

    @staticmethod
    def pack(strings: Iterable[str]) -> tuple[Array, Array]:
        """Pack strings into the two arrays."""
        encoded = [string.encode("utf-8", "surrogatepass") for string in strings]
        ends = np.cumsum([len(e) for e in encoded], dtype=np.int64)
        return np.frombuffer(b"".join(encoded), dtype=np.uint8), ends


class Lists:
    """Lists of numbers, one after the other in one array.

    Arguments:
        values: All numbers. Shape (numbers,).
        ends: Where each list ends in ``values``. Shape (lists,), int64.
    """

    def __init__(self, values: Array, ends: Array) -> None:
        self.values, self.ends = values, ends

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> Array:
        start = self.ends.item(index - 1) if index else 0
        result: Array = self.values[start : self.ends.item(index)]
        return result

    def join(self, indices: Array) -> tuple[Array, Array]:
        """Several lists, one after the other.

        Arguments:
            indices: Which. Shape (lists,), integers.

        Returns:
            How many numbers each has, and all numbers. Shapes (lists,) and (numbers,).
        """
        starts = np.where(indices > 0, self.ends[indices - 1], 0)
        counts = self.ends[indices] - starts
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return counts, self.values[np.repeat(starts, counts) + within]

    @staticmethod
    def pack(lists: Iterable[Sequence[int]], dtype: npt.DTypeLike = np.int32) -> tuple[Array, Array]:
        """Pack lists into the two arrays."""
        parts = [np.asarray(one, dtype=dtype) for one in lists]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        return (np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)), ends


class HashIndex:
    """From 64-bit hashes to rows; a hash may have several.

    Arguments:
        hashes: Sorted hashes. Shape (entries,), uint64.
        rows: The row of each. Shape (entries,), int32.
    """

    def __init__(self, hashes: Array, rows: Array) -> None:
        self.hashes, self.rows = hashes, rows

    def __getitem__(self, key: int) -> Array:
        wanted = np.uint64(key)
        start = int(self.hashes.searchsorted(wanted))
        end = start
        while end < len(self.hashes) and self.hashes[end] == wanted:
            end += 1
        result: Array = self.rows[start:end]
        return result

    @staticmethod
    def pack(entries: Iterable[tuple[int, int]]) -> tuple[Array, Array]:
        """Pack (hash, row) pairs into the two arrays."""
        pairs = sorted(set(entries))
        hashes = np.array([h for h, _ in pairs], dtype=np.uint64)
        return hashes, np.array([row for _, row in pairs], dtype=np.int32)


def write_columns(folder: Path, columns: Mapping[str, Array], manifest: dict[str, Any], format_number: int) -> None:
    """Write a built terminology, whole or not at all.

    Arguments:
        folder: Where to; an older build there is replaced once the new one is complete.
        columns: Arrays by name.
        manifest: What is known about the build; format and array sizes are added.
        format_number: The number of the format, raised with every change of its columns.

    Raises:
        MedlinkError: The folder cannot be written.
    """
    manifest = {**manifest, "format": format_number, "bytes": {}}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, array in sorted(columns.items()):
                file = scratch / f"{name}.npy"
                np.save(file, array, allow_pickle=False)
                manifest["bytes"][name] = file.stat().st_size
            (scratch / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            scratch.chmod(0o755)
            if folder.exists():
                old = folder.with_name(f".{folder.name}-old-{os.getpid()}")
                folder.rename(old)
                scratch.rename(folder)
                shutil.rmtree(old)
            else:
                scratch.rename(folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    except OSError as error:
        raise MedlinkError(
            f"{folder}: cannot be written ({error.strerror}); set MEDLINK_HOME to a folder of yours"
        ) from None


def pack_columns(columns: Mapping[str, Array], manifest: dict[str, Any], format_number: int) -> dict[str, bytes]:
    """The files that :func:`write_columns` would write, by name."""
    files = {}
    for name, array in columns.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        files[f"{name}.npy"] = buffer.getvalue()
    sizes = {name: len(files[f"{name}.npy"]) for name in columns}
    files[MANIFEST] = json.dumps({**manifest, "format": format_number, "bytes": sizes}).encode()
    return files


def read_files(folder: Path) -> dict[str, bytes]:
    """The files of a built terminology, for carrying it inside a pipeline's bytes."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def open_columns(source: Path | Mapping[str, bytes], format_number: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """Open a built terminology.

    Arguments:
        source: Its folder, opened memory-mapped; or its files by name.
        format_number: The number of the format that is read; an older build is refused and not misread.

    Returns:
        The arrays and the manifest.

    Raises:
        MedlinkError: Something is missing, cut short or of another format.
    """
    try:
        if isinstance(source, Path):
            manifest = json.loads((source / MANIFEST).read_text(encoding="utf-8"))
        else:
            manifest = json.loads(source[MANIFEST])
        if manifest["format"] != format_number:
            raise MedlinkError(
                f"{_name(source)}: built by another version of medlink; build it again with 'medlink terminology build'"
            )
        arrays = {name: _open(source, name, size) for name, size in manifest["bytes"].items()}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise MedlinkError(
            f"{_name(source)}: not a complete terminology ({error}); build it again with 'medlink terminology build'"
        ) from None
    return arrays, manifest


def _open(source: Path | Mapping[str, bytes], name: str, size: int) -> Array:
    if isinstance(source, Path):
        file = source / f"{name}.npy"
        if file.stat().st_size != size:
            raise ValueError(f"{file.name} has {file.stat().st_size} bytes instead of {size}")
        try:
            # As a plain array: indexing a memmap costs several times as much.
            array: Array = np.load(file, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        except ValueError:  # an empty array cannot be mapped
            array = np.load(file, allow_pickle=False)
        return array
    data = source[f"{name}.npy"]
    if len(data) != size:
        raise ValueError(f"{name}.npy has {len(data)} bytes instead of {size}")
    result: Array = np.load(io.BytesIO(data), allow_pickle=False)
    return result


def _name(source: Path | Mapping[str, bytes]) -> str:
    return str(source) if isinstance(source, Path) else "the terminology in the pipeline"
