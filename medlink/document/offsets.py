"""From characters to tokens, for whole documents at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc


def token_starts(doc: Doc) -> NDArray[np.int64]:
    """First character of each token, shape ``(tokens,)``."""
    parts: NDArray[Any] = doc.to_array([LENGTH, SPACY]).reshape(-1, 2)
    sizes = parts[:, 0] + parts[:, 1]
    starts: NDArray[np.int64] = (np.cumsum(sizes) - sizes).astype(np.int64)
    return starts


def first_tokens(starts: NDArray[np.int64], characters: NDArray[np.int64]) -> NDArray[np.int64]:
    """For characters, the first token that starts there or after; as many as there are tokens where none does."""
    return np.searchsorted(starts, characters, side="left")
