"""Exact search: the vectors nearest to others, all of them compared, by matrix products in blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from medlink.inference.onnx import FloatArray

Vectors = npt.NDArray[np.int8]
# Vectors turned into floating point at once: they stay in the processor's cache.
_BLOCK = 4096
# Vectors of which only the nearest one is looked at, until the nearest such groups are known.
_GROUP = 32
_GROUPS = _BLOCK // _GROUP
# Cosines held at once.
_HELD = 8_000_000


def lengths(vectors: Vectors) -> FloatArray:
    """The Euclidean lengths of vectors. Shape (vectors,)."""
    result = np.empty(len(vectors), np.float32)
    for at in range(0, len(vectors), _BLOCK):
        block = vectors[at : at + _BLOCK].astype(np.float32)
        result[at : at + _BLOCK] = np.sqrt(np.einsum("ij,ij->i", block, block))
    return result


def nearest(
    vectors: Vectors, vector_lengths: FloatArray, queries: Vectors, k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The vectors with the greatest cosines to each query.

    The products of int8 vectors of up to 1,040 dimensions are exact in float32, so the result does not depend on what
    else is asked, or on threads.

    Arguments:
        vectors: Where to look. Shape (vectors, dimensions).
        vector_lengths: Their :func:`lengths`; a vector of zeros is near to nothing.
        queries: What to look for. Shape (queries, dimensions).
        k: How many to find for each, at most as many as there are vectors.

    Returns:
        For each query the rows of the vectors, and their cosines, in any order. Shape (queries, k) each.
    """
    blocks = -(-len(vectors) // _BLOCK)
    inverse = np.zeros(blocks * _BLOCK, np.float32)
    np.divide(1, vector_lengths, out=inverse[: len(vectors)], where=vector_lengths > 0)
    rows = np.empty((len(queries), k), np.int64)
    cosines = np.empty((len(queries), k), np.float64)
    at_once = max(1, _HELD // len(inverse))
    for start in range(0, len(queries), at_once):
        part = queries[start : start + at_once].astype(np.float32)
        products = np.empty((len(inverse), len(part)), np.float32)
        greatest = np.empty((blocks, _GROUPS, len(part)), np.float32)
        for number, at in enumerate(range(0, len(vectors), _BLOCK)):
            block = vectors[at : at + _BLOCK].astype(np.float32)
            own = products[at : at + _BLOCK]
            np.matmul(block, part.T, out=own[: len(block)])
            own[: len(block)] *= inverse[at : at + len(block), None]
            own[len(block) :] = -np.inf
            own.reshape(_GROUP, _GROUPS, len(part)).max(0, out=greatest[number])
        found = _largest(products, greatest.reshape(-1, len(part)), k)
        length = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))[:, None]
        values = products[found, np.arange(len(part))[:, None]].astype(np.float64)
        rows[start : start + at_once] = found
        cosines[start : start + at_once] = np.divide(values, length, out=np.zeros_like(values), where=length > 0)
    return rows, cosines


def _largest(values: FloatArray, greatest: FloatArray, k: int) -> npt.NDArray[np.int64]:
    """The rows of the ``k`` largest values of each column; as many groups hold them.

    Arguments:
        values: Shape (rows, columns).
        greatest: The greatest value of each group. Shape (groups, columns).
        k: How many.

    Returns:
        Shape (columns, k).
    """
    most = min(k, len(greatest))
    groups = np.argpartition(-greatest.T, most - 1, axis=1)[:, :most]
    # A group's rows are as far apart in their block as it has groups.
    first = groups // _GROUPS * _BLOCK + groups % _GROUPS
    rows = (first[:, :, None] + np.arange(0, _BLOCK, _GROUPS)).reshape(len(groups), -1)
    inside = np.argpartition(-values[rows, np.arange(len(groups))[:, None]], k - 1, axis=1)[:, :k]
    return np.take_along_axis(rows, inside, 1)
