"""Tags of tokens and the spans they stand for.

Each label is tagged on its own with O, B and I. A corpus that does not annotate a label then says
nothing about it, and a mention of one label may lie inside a mention of another ("breast" in "breast
cancer").
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

OUTSIDE, BEGIN, INSIDE = 0, 1, 2
UNKNOWN = -100  # what PyTorch's cross entropy passes over


def spans_to_tags(spans: Iterable[tuple[int, int]], length: int) -> npt.NDArray[np.int64]:
    """Tag the tokens of one label.

    Arguments:
        spans: First token and token after the last one of each mention. Of overlapping ones the
            longest is kept.
        length: Number of tokens.

    Returns:
        O, B or I for each token. Shape (tokens,).
    """
    tags = np.zeros(length, dtype=np.int64)
    for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span)):
        if not tags[start:end].any():
            tags[start:end] = INSIDE
            tags[start] = BEGIN
    return tags


def tags_to_spans(tags: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Read the mentions of one label off its tags.

    An I that follows an O opens a mention, as in seqeval's default mode.

    Arguments:
        tags: O, B or I for each token. Shape (tokens,).

    Returns:
        First token and token after the last one of each mention, in order.
    """
    before = np.concatenate(([OUTSIDE], tags[:-1]))
    starts = np.flatnonzero((tags == BEGIN) | ((tags == INSIDE) & (before == OUTSIDE)))
    after = np.concatenate((tags[1:], [OUTSIDE]))
    ends = np.flatnonzero((tags != OUTSIDE) & (after != INSIDE)) + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
