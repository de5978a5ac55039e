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


def decode(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The most probable tags in which no I follows an O (Viterbi).

    Each label is decoded on its own.

    Arguments:
        logits: Shape (tokens, labels, 3).

    Returns:
        O, B or I. Shape (tokens, labels).
    """
    tags: npt.NDArray[np.int64] = logits.argmax(-1)
    before = np.concatenate([np.full_like(tags[:1], OUTSIDE), tags[:-1]])
    # Where no I follows an O already, the most probable tags one by one are the most probable together.
    for label in np.flatnonzero(((tags == INSIDE) & (before == OUTSIDE)).any(0)):
        tags[:, label] = _best_path(log_probabilities(logits[:, label]).astype(np.float64).tolist())
    return tags


def tag_score(logits: npt.NDArray[np.float32], tags: npt.NDArray[np.int64]) -> float:
    """How sure a classifier is of a mention: the geometric mean of its tags' probabilities.

    Arguments:
        logits: Those of the mention's tokens for its label. Shape (tokens, 3).
        tags: Its tags. Shape (tokens,).

    Returns:
        0 to 1.
    """
    return float(np.exp(log_probabilities(logits)[np.arange(len(tags)), tags].mean()))


def log_probabilities(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The logarithm of each tag's probability, in the shape of the logits, whose last axis is the tags'."""
    shifted = logits - logits.max(-1, keepdims=True)
    result: npt.NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


def _best_path(scores: list[list[float]]) -> list[int]:
    outside, begin, inside = 0.0, float("-inf"), float("-inf")  # before the first token all is O
    came_from: list[tuple[int, int]] = []  # for each token: the best tag before it, and before an I
    for o, b, i in scores:
        any_tag = OUTSIDE
        best = outside
        if begin > best:
            any_tag, best = BEGIN, begin
        if inside > best:
            any_tag, best = INSIDE, inside
        in_mention, best_in_mention = (INSIDE, inside) if inside > begin else (BEGIN, begin)
        came_from.append((any_tag, in_mention))
        outside, begin, inside = best + o, best + b, best_in_mention + i
    finals = (outside, begin, inside)
    tag = finals.index(max(finals))
    path = []
    for any_tag, in_mention in reversed(came_from):
        path.append(tag)
        tag = in_mention if tag == INSIDE else any_tag
    return path[::-1]


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
