"""Export to ONNX: what is left out of the graph changes nothing."""

import numpy as np
import onnxruntime
import torch
from onnx import load_from_string
from torch import nn

from medlink.training.export import drop_nan_guards, export_onnx


class Guarded(nn.Module):
    """Softmax over what the mask leaves, 0 where that is nothing, as PyTorch's own attention has it."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        hidden = self.embedding(input_ids)
        scores = hidden @ hidden.transpose(1, 2)
        scores = scores.masked_fill(attention_mask[:, None, :] == 0, -torch.inf)
        weights = torch.softmax(scores, -1)
        weights = torch.where(torch.isnan(weights), 0.0, weights)
        return weights @ hidden


def operators(data: bytes) -> list[str]:
    return [node.op_type for node in load_from_string(data).graph.node]


def test_guards_against_rows_that_attend_to_nothing_are_left_out(tmp_path):
    torch.manual_seed(0)
    model = Guarded().eval()
    file = tmp_path / "guarded.onnx"
    ids = torch.ones((2, 16), dtype=torch.int64)
    pieces = torch.export.Dim("pieces", min=2, max=64)
    torch.onnx.export(
        model,
        (ids, ids),
        file,
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_shapes=({1: pieces}, {1: pieces}),
        dynamo=True,
        external_data=False,
    )
    guarded = file.read_bytes()
    assert "IsNaN" in operators(guarded)
    for data in (drop_nan_guards(guarded), export_onnx(model)):
        assert "IsNaN" not in operators(data)
    rng = np.random.default_rng(1)
    feed = {"input_ids": rng.integers(0, 50, (2, 9)), "attention_mask": np.ones((2, 9), dtype=np.int64)}
    feed["attention_mask"][1, 4:] = 0
    before, after = (
        onnxruntime.InferenceSession(data).run(None, feed)[0] for data in (guarded, drop_nan_guards(guarded))
    )
    np.testing.assert_array_equal(before, after)
    # What has no such nodes stays as it is.
    assert operators(drop_nan_guards(drop_nan_guards(guarded))) == operators(drop_nan_guards(guarded))
