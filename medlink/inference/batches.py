"""Windows of many texts run through a model in batches of one length, so that batching changes no result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from medlink.inference.onnx import FloatArray, OnnxModel
from medlink.inference.windows import Window, cut_windows
from medlink.inference.wordpiece import Pieces, WordPieceEncoder

# Windows are padded to a multiple of this. A window's padding depends on nothing but its own length.
_STEP = 32


def run_windows(
    model: OnnxModel,
    encoder: WordPieceEncoder,
    texts: Sequence[Pieces],
    *,
    window: int,
    overlap: int,
    batch_size: int,
) -> list[FloatArray]:
    """Run a model over texts of any length.

    Arguments:
        model: Takes ``input_ids`` and ``attention_mask`` and gives a vector for each piece.
        encoder: Whose special tokens frame a window.
        texts: The texts' pieces.
        window: Pieces read at once, without special tokens.
        overlap: Least pieces that neighbouring windows share.
        batch_size: Most windows of full length run at once; of shorter ones it is more.

    Returns:
        For each text the vector of each of its pieces. Shape (pieces, outputs) each.
    """
    windows = [cut_windows(len(text.ids), window, overlap) for text in texts]
    results: list[list[FloatArray]] = [[np.zeros((0, 0), np.float32)] * len(of_text) for of_text in windows]
    for length, part in batches_of(windows, 2, (window + 2) * batch_size):
        ids = np.zeros((len(part), length), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, (i, j) in enumerate(part):
            one = windows[i][j]
            n = one.end - one.start
            ids[row, 0], ids[row, n + 1] = encoder.start_id, encoder.end_id
            ids[row, 1 : n + 1] = texts[i].ids[one.start : one.end]
            mask[row, : n + 2] = 1
        output = model.run({"input_ids": ids, "attention_mask": mask})
        for row, (i, j) in enumerate(part):
            one = windows[i][j]
            shift = 1 - one.start
            results[i][j] = output[row, one.owned_start + shift : one.owned_end + shift]
    return [np.concatenate(parts) if parts else np.zeros((0, 0), np.float32) for parts in results]


def batches_of(
    windows: Sequence[Sequence[Window]], extra: int, pieces: int
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Put windows of one length together.

    Arguments:
        windows: The windows of each text.
        extra: Pieces that a window has besides its own: special tokens, a prompt.
        pieces: Most pieces in a batch; a window that is longer is one by itself.

    Yields:
        The length that the windows of a batch are padded to, and the windows as (text, window of the text).
    """
    jobs: dict[int, list[tuple[int, int]]] = {}
    for i, of_text in enumerate(windows):
        for j, one in enumerate(of_text):
            length = one.end - one.start + extra
            jobs.setdefault(-(-length // _STEP) * _STEP, []).append((i, j))
    for length, places in sorted(jobs.items()):
        at_once = max(1, pieces // length)
        for at in range(0, len(places), at_once):
            yield length, places[at : at + at_once]
