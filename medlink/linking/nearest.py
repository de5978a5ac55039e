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
_HELD = 4_000_000


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
        products = np.empty((len(part), len(inverse)), np.float32)
        greatest = np.empty((len(part), blocks, _GROUPS), np.float32)
        for number, at in enumerate(range(0, len(vectors), _BLOCK)):
            block = vectors[at : at + _BLOCK].astype(np.float32)
            own = products[:, at : at + _BLOCK]
            np.matmul(part, block.T, out=own[:, : len(block)])
            own[:, : len(block)] *= inverse[at : at + len(block)]
            own[:, len(block) :] = -np.inf
            own.reshape(len(part), _GROUP, _GROUPS).max(1, out=greatest[:, number])
        found = _largest(products, greatest.reshape(len(part), -1), k)
        length = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))[:, None]
        values = np.take_along_axis(products, found, 1).astype(np.float64)
        rows[start : start + at_once] = found
        cosines[start : start + at_once] = np.divide(values, length, out=np.zeros_like(values), where=length > 0)
    return rows, cosines


def _largest(values: FloatArray, greatest: FloatArray, k: int) -> npt.NDArray[np.int64]:
    """The columns of the ``k`` largest values of each row; as many groups hold them.

    Arguments:
        values: Shape (rows, columns).
        greatest: The greatest value of each group. Shape (rows, groups).
        k: How many.
    """
    most = min(k, greatest.shape[1])
    groups = np.argpartition(-greatest, most - 1, axis=1)[:, :most]
    # A group's columns are as far apart in their block as it has groups.
    first = groups // _GROUPS * _BLOCK + groups % _GROUPS
    columns = (first[:, :, None] + np.arange(0, _BLOCK, _GROUPS)).reshape(len(values), -1)
    inside = np.argpartition(-np.take_along_axis(values, columns, 1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(columns, inside, 1)
