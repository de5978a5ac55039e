"""An encoder of names for tests that need no model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medlink.inference.onnx import FloatArray
from medlink.terminology.store import gram_hash, trigrams


class TrigramEncoder:
    """A small encoder without a model: names that share trigrams are near each other."""

    dimensions = 64

    def __init__(self, checksum: str = "trigrams") -> None:
        self.checksum = checksum
        self.embedded: list[str] = []

    def embed(self, names: Sequence[str]) -> FloatArray:
        self.embedded += names
        vectors = np.zeros((len(names), self.dimensions), dtype=np.float32)
        for row, name in enumerate(names):
            for gram in trigrams(name):
                vectors[row, gram_hash(gram) % self.dimensions] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
