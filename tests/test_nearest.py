"""The exact search finds what comparing each vector with each finds, whatever else is asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlink.linking import nearest as module
from medlink.linking.nearest import lengths, nearest


def _vectors(seed: int, count: int, dimensions: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-127, 128, (count, dimensions)).astype(np.int8)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 300), st.integers(1, 8), st.data())
def test_the_cosines_are_the_greatest(seed, count, dimensions, data):
    vectors, queries = _vectors(seed, count, dimensions), _vectors(seed + 1, 3, dimensions)
    k = data.draw(st.integers(1, count))
    rows, cosines = nearest(vectors, lengths(vectors), queries, k)
    norms = np.linalg.norm(queries.astype(float), axis=1)[:, None] * np.linalg.norm(vectors.astype(float), axis=1)
    every = np.divide(queries.astype(float) @ vectors.T.astype(float), norms, out=np.zeros_like(norms), where=norms > 0)
    assert [len(set(of)) for of in rows.tolist()] == [k] * 3
    assert np.allclose(np.take_along_axis(every, rows, 1), cosines, atol=1e-6)
    assert np.allclose(np.sort(cosines, axis=1), np.sort(every, axis=1)[:, -k:], atol=1e-6)


def test_a_query_finds_the_same_alone_and_among_others(monkeypatch):
    vectors, queries = _vectors(0, 10_000, 128), _vectors(1, 40, 128)
    own = lengths(vectors)
    together = nearest(vectors, own, queries, 150)
    for held in (1, 100_000):
        monkeypatch.setattr(module, "_HELD", held)
        for found, again in zip(together, nearest(vectors, own, queries, 150), strict=True):
            assert np.array_equal(found, again)


@pytest.mark.parametrize("vectors", [np.zeros((5, 4), np.int8), np.full((5, 4), -127, np.int8)])
def test_vectors_of_zeros_are_near_to_nothing(vectors):
    rows, cosines = nearest(vectors, lengths(vectors), np.zeros((1, 4), np.int8), 5)
    assert sorted(rows[0]) == [0, 1, 2, 3, 4]
    assert not cosines.any()
