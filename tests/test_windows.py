"""Windows cover a text once and only once."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlink.inference.windows import cut_windows


@given(st.integers(0, 5000), st.integers(1, 600), st.data())
def test_every_piece_is_owned_once_and_windows_keep_their_size_and_overlap(length, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    windows = cut_windows(length, size, overlap)
    owned = [piece for window in windows for piece in range(window.owned_start, window.owned_end)]
    assert owned == list(range(length))
    for window in windows:
        assert window.start <= window.owned_start <= window.owned_end <= window.end
        assert window.end - window.start <= size
    for left, right in itertools.pairwise(windows):
        assert left.end - right.start >= overlap


def test_a_text_that_fits_is_one_window():
    assert len(cut_windows(382, 382, 64)) == 1
    assert len(cut_windows(383, 382, 64)) == 2


def test_an_overlap_as_large_as_the_window_is_refused():
    with pytest.raises(ValueError, match="overlap"):
        cut_windows(10, 5, 5)
