"""Encoders of names for tests that need no trained model."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

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


def write_onnx_encoder(folder: Path) -> Path:
    """Write an encoder that runs from ONNX: the mean of random vectors of a name's letters and pairs of letters."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [one + other for one in string.ascii_lowercase for other in string.ascii_lowercase]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *string.digits, *string.ascii_lowercase, *pairs]
    pieces += [f"##{piece}" for piece in [*string.digits, *string.ascii_lowercase, *pairs]]
    tokenizer = Tokenizer(WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    table = np.random.default_rng(0).normal(size=(len(pieces), 32)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        ],
        "encoder",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "n"]) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["b", "n", 32])],
        [
            numpy_helper.from_array(table, "table"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "tokenizer.json").write_text(tokenizer.to_str())
    (folder / "encoder.json").write_text(json.dumps({"dimensions": 32, "longest": 24, "pooling": "mean"}))
    return folder
