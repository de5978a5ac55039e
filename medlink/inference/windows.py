"""Long texts cut into overlapping windows of which every piece belongs to exactly one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of pieces that the model reads at once.

    Arguments:
        start: First piece that is read.
        end: Piece after the last one that is read.
        owned_start: First piece whose prediction is taken from this window.
        owned_end: Piece after the last one whose prediction is taken from this window.
    """

    start: int
    end: int
    owned_start: int
    owned_end: int


def cut_windows(length: int, size: int, overlap: int) -> list[Window]:
    """Cut a text into windows.

    Neighbouring windows share at least ``overlap`` pieces. The shared stretch is owned half by each,
    so that every prediction is made with context on both sides. All windows of a long text are
    spread evenly, which avoids a last window of a few pieces.

    Arguments:
        length: Pieces in the text.
        size: Most pieces in a window.
        overlap: Least pieces that neighbours share; less than ``size``.

    Returns:
        Windows in order; their owned stretches cover 0 to ``length`` without gap or overlap.

    Raises:
        ValueError: ``overlap`` is negative or not less than ``size``.
    """
    if not 0 <= overlap < size:
        raise ValueError(f"overlap must be at least 0 and less than size {size}, not {overlap}")
    if length <= 0:
        return []
    count = 1 if length <= size else 1 + -(-(length - size) // (size - overlap))
    starts = [0] if count == 1 else [i * (length - size) // (count - 1) for i in range(count)]
    ends = [min(start + size, length) for start in starts]
    borders = [0, *((left_end + right) // 2 for left_end, right in zip(ends, starts[1:], strict=False)), length]
    return [Window(*both) for both in zip(starts, ends, borders[:-1], borders[1:], strict=True)]
