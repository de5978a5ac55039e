"""The vectors of a terminology's names, searched for those nearest to a mention's.

Up to :data:`EXACT_UP_TO` names the search is exact, over int8 vectors; above it is approximate, over usearch's HNSW
graph (Malkov and Yashunin 2018). Both are memory-mapped.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime  # noqa: F401 - before usearch, with whose own copy of libstdc++ it would crash
from usearch.compiled import MetricKind
from usearch.index import Index

from medlink.errors import MedlinkError
from medlink.inference.names import NameEncoder
from medlink.inference.onnx import FloatArray, get_threads
from medlink.inference.wordpiece import IntArray
from medlink.linking.nearest import lengths, nearest
from medlink.terminology.columns import (
    MANIFEST,
    Array,
    Lists,
    open_columns,
    pack_columns,
    read_files,
    write_columns,
)
from medlink.terminology.store import Terminology, terminology_home
from medlink.terminology.words import hash64, stems_of, verbatim_key

log = logging.getLogger(__name__)

#: Of the columns of vectors.
FORMAT = 1
#: For each name found the row of what it is near to, its own row, and the cosine. Shape (found,) each.
Found = tuple[IntArray, IntArray, npt.NDArray[np.float64]]
#: Different names up to which the search is exact.
EXACT_UP_TO = 500_000
_GRAPH = "graph"
# Names embedded between two reports of progress.
_REPORT = 10_000


class VectorIndex:
    """The vectors of a terminology's names.

    Arguments:
        source: Its folder, or its files by name.
        terminology: The terminology.
        encoder: The encoder of mentions.

    Raises:
        MedlinkError: It is broken, or made from other names or by another encoder.
    """

    def __init__(self, source: Path | Mapping[str, bytes], terminology: Terminology, encoder: NameEncoder) -> None:
        columns, manifest = open_columns(source, FORMAT)
        for what, own, other in (
            ("encoder", manifest["encoder"], encoder.checksum),
            ("terminology", manifest["terminology"], names_checksum(terminology)),
        ):
            if own != other:
                raise MedlinkError(
                    f"the vectors of {terminology.name} were made with another {what} ({own}, not {other}); "
                    f"run 'medlink terminology embed {terminology.name}' again"
                )
        self.source = source
        self.terminology = terminology
        self.encoder = encoder
        self.names_checksum: str = manifest["terminology"]
        self._vectors: Array = columns["vectors"]
        self._aliases = Lists(columns["aliases_values"], columns["aliases_ends"])
        self._lengths: FloatArray | None = None
        self._graph: Index | None = None
        if _GRAPH in columns:
            self._graph = _empty_graph(encoder.dimensions)
            self._graph_bytes = columns[_GRAPH]  # usearch reads from them for as long as the graph lives
            self._graph.view(self._graph_bytes.data)

    def __reduce__(self) -> tuple[Any, ...]:
        return VectorIndex, (self.source, self.terminology, self.encoder)

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, names: Sequence[str], k: int) -> list[tuple[list[int], list[float]]]:
        """The aliases nearest to names.

        Arguments:
            names: What to look for.
            k: How many names, those with the same words counted once, to find for each.

        Returns:
            For each the rows of the aliases, nearest first, and their cosines. Concepts that share a name all come.
        """
        if not names:
            return []
        asked, aliases, cosines = self.search_vectors(self.encoder.embed([verbatim_key(name) for name in names]), k)
        parts = np.searchsorted(asked, np.arange(1, len(names)))
        return [
            (rows.tolist(), near.tolist())
            for rows, near in zip(np.split(aliases, parts), np.split(cosines, parts), strict=True)
        ]

    def search_vectors(self, vectors: FloatArray, k: int) -> Found:
        """The aliases nearest to vectors of the encoder.

        Arguments:
            vectors: What to look for. Shape (names, dimensions).
            k: As for :meth:`search`.

        Returns:
            For each name found the row of the vector that it is near to, in order, the row of the alias and the cosine;
            of one vector the nearest first. Shape (found,) each.
        """
        queries = quantize(vectors)
        k = min(k, len(self))
        if self._graph is not None:
            matches = self._graph.search(queries, k, threads=get_threads())
            found = np.asarray(matches.keys).reshape(len(queries), k)
            near = 1 - np.asarray(matches.distances).reshape(len(queries), k).astype(np.float64)
        else:
            if self._lengths is None:
                self._lengths = lengths(self._vectors)
            found, near = nearest(self._vectors, self._lengths, queries, k)
        near = np.round(near, 6)
        # Of names as near, the one with the smaller row comes first, however they were found.
        order = np.lexsort((found, -near), axis=-1)
        names = np.take_along_axis(found, order, 1).ravel()
        counts, aliases = self._aliases.join(names)
        asked = np.repeat(np.arange(len(queries)), k)
        return np.repeat(asked, counts), aliases, np.repeat(np.take_along_axis(near, order, 1).ravel(), counts)

    def files(self) -> dict[str, bytes]:
        """Its files by name, from which it can be made again."""
        return read_files(self.source) if isinstance(self.source, Path) else dict(self.source)


def build_vectors(
    folder: Path,
    terminology: Terminology,
    encoder: NameEncoder,
    *,
    known: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> VectorIndex:
    """Embed the names of a terminology into a folder, whole or not at all.

    Names with the same words, in another order, number or case, are embedded once; those in the folder from an earlier
    build with the same encoder are taken over.

    Arguments:
        folder: Where to.
        terminology: The terminology.
        encoder: The encoder.
        known: Folders of other terminologies' vectors, from which names are taken over likewise.
        progress: Called with the names done and those to do.

    Raises:
        MedlinkError: The folder cannot be written.
    """
    earlier: dict[int, npt.NDArray[np.int8]] = {}
    for one in (*known, folder):
        earlier |= _earlier(one, encoder)
    columns, manifest = _columns(terminology, encoder, earlier, progress)
    write_columns(folder, columns, manifest, FORMAT)
    return VectorIndex(folder, terminology, encoder)


def embed_terminology(
    terminology: Terminology, encoder: NameEncoder, *, progress: Callable[[int, int], None] | None = None
) -> VectorIndex:
    """Embed the names of a terminology in memory; arguments as for :func:`build_vectors`."""
    columns, manifest = _columns(terminology, encoder, {}, progress)
    return VectorIndex(pack_columns(columns, manifest, FORMAT), terminology, encoder)


def vectors_folder(terminology: Terminology, encoder: NameEncoder) -> Path:
    """Where the vectors of a terminology of the user's are kept: in ``$MEDLINK_HOME/vectors``."""
    return terminology_home().parent / "vectors" / f"{terminology.name}-{encoder.checksum}"


def built_vectors(terminology: Terminology, encoder: NameEncoder) -> VectorIndex | None:
    """The vectors that were built for a terminology; None where there are none, or its names have changed."""
    folder = vectors_folder(terminology, encoder)
    if not (folder / MANIFEST).exists():
        return None
    try:
        return VectorIndex(folder, terminology, encoder)
    except MedlinkError as error:
        log.warning("%s", error)
        return None


def quantize(vectors: FloatArray) -> npt.NDArray[np.int8]:
    """Vectors as int8, each with a scale of its own, which a cosine does not see. Shape as given."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-12)
    small: npt.NDArray[np.int8] = np.round(vectors / largest * 127).astype(np.int8)
    return small


def names_checksum(terminology: Terminology) -> str:
    """Tells whether a terminology has the names, in the rows, that vectors were made from."""
    digest = hashlib.sha256()
    digest.update(terminology.aliases.data.tobytes())
    digest.update(terminology.aliases.ends.tobytes())
    return digest.hexdigest()[:16]


def _earlier(folder: Path, encoder: NameEncoder) -> dict[int, npt.NDArray[np.int8]]:
    """The vectors of an earlier build by the hash of the name, where the same encoder made them."""
    if not (folder / MANIFEST).exists():
        return {}
    try:
        columns, manifest = open_columns(folder, FORMAT)
    except MedlinkError as error:
        log.warning("%s: the vectors there are made anew (%s)", folder, error)
        return {}
    if manifest.get("encoder") != encoder.checksum:
        return {}
    return dict(zip(columns["hashes"].tolist(), columns["vectors"], strict=True))


def _columns(
    terminology: Terminology,
    encoder: NameEncoder,
    known: Mapping[int, npt.NDArray[np.int8]],
    progress: Callable[[int, int], None] | None,
) -> tuple[dict[str, Array], dict[str, Any]]:
    names: dict[tuple[str, ...], list[int]] = {}
    for row, alias in enumerate(terminology.aliases):
        names.setdefault(tuple(sorted(stems_of(alias))), []).append(row)
    texts = [_plainest([verbatim_key(terminology.aliases[row]) for row in rows]) for rows in names.values()]
    hashes = np.array([hash64(text) for text in texts], dtype=np.uint64)
    vectors = np.zeros((len(texts), encoder.dimensions), dtype=np.int8)
    new = []
    for i, hashed in enumerate(hashes.tolist()):
        if hashed in known:
            vectors[i] = known[hashed]
        else:
            new.append(i)
    for at in range(0, len(new), _REPORT):
        part = new[at : at + _REPORT]
        vectors[part] = quantize(encoder.embed([texts[i] for i in part]))
        if progress is not None:
            progress(at + len(part), len(new))
    values, ends = Lists.pack(names.values())
    columns: dict[str, Array] = {"vectors": vectors, "hashes": hashes, "aliases_values": values, "aliases_ends": ends}
    if len(texts) > EXACT_UP_TO:
        graph = _empty_graph(encoder.dimensions)
        # One thread: with several the graph, and what it finds, would differ from build to build.
        graph.add(np.arange(len(texts)), vectors, threads=1)
        columns[_GRAPH] = np.frombuffer(graph.save() or b"", dtype=np.uint8)
    manifest = {"encoder": encoder.checksum, "terminology": names_checksum(terminology), "embedded": len(new)}
    return columns, manifest


def _plainest(names: Sequence[str]) -> str:
    """The name of several with the same words that stands for all: not an inverted one, if there is another."""
    return next((name for name in names if "," not in name), names[0])


def _empty_graph(dimensions: int) -> Index:
    return Index(ndim=dimensions, metric=MetricKind.Cos, dtype="i8")
