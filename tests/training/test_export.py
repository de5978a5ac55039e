"""Export to ONNX: what is left out of the graph changes nothing, and products in int8 little."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, load_from_string, numpy_helper
from torch import nn
from transformers import BertConfig, BertModel

from medlink.inference.floating import multiply_in_fp32
from medlink.training.biencoder import NameEncoder
from medlink.training.export import drop_nan_guards, export_onnx
from medlink.training.quantization import quantize
from medlink.training.start import read_weights


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


@pytest.fixture(scope="module")
def integers() -> tuple[NameEncoder, bytes]:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=3000, hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4
    )
    model = NameEncoder(BertModel(config, add_pooling_layer=False)).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # the exporter would make biases that are alike one
            parameter += 0.02 * torch.randn_like(parameter)
    return model, export_onnx(model, "int8")


def vectors(data: bytes, ids: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(data)
    return session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(((one * other).sum(-1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)).min())


def test_products_in_int8_are_near_those_in_fp32(integers):
    model, data = integers
    assert "MatMulInteger" in operators(data)
    ids = np.random.default_rng(0).integers(5, 3000, (4, 12))
    with torch.no_grad():
        expected = model(torch.from_numpy(ids), torch.ones(4, 12, dtype=torch.int64)).numpy()
    assert cosine(vectors(data, ids), expected) > 0.99


def test_products_in_int8_do_not_depend_on_the_batch(integers):
    _, data = integers
    ids = np.random.default_rng(1).integers(5, 3000, (5, 9))
    np.testing.assert_array_equal(vectors(data, ids)[2:3], vectors(data, ids[2:3]))


def test_sums_of_two_products_fit_in_16_bits(integers):
    _, data = integers
    multiplied = {node.input[1] for node in load_from_string(data).graph.node if node.op_type == "MatMulInteger"}
    largest = [
        np.abs(numpy_helper.to_array(tensor).astype(int)).max()
        for tensor in load_from_string(data).graph.initializer
        if tensor.name in multiplied
    ]
    assert len(largest) == len(multiplied) > 0
    assert 2 * 255 * max(largest) < 2**15


def test_the_scales_of_a_large_table_stay_as_they_are():
    table = numpy_helper.from_array(np.ones((20_000, 3), dtype=np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "ids"], ["rows"])],
        "lookup",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["n", 3])],
        [table],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    stored = {one.name for one in load_from_string(quantize(model.SerializeToString())).graph.initializer}
    assert {"table.int8", "table.scale"} <= stored
    assert not any(name.endswith(".scale.int8") for name in stored)


def test_the_weights_are_read_back(integers, tmp_path):
    model, data = integers
    (tmp_path / "model.onnx").write_bytes(data)
    read = read_weights(tmp_path / "model.onnx")
    for name, weight in model.state_dict().items():
        if name.endswith((".weight", ".bias")):
            assert torch.allclose(read[name], weight, atol=float(weight.abs().max()) / 60)


def test_on_a_gpu_products_are_in_fp32(integers):
    _, data = integers
    floating = multiply_in_fp32(data)
    assert not {"MatMulInteger", "ReduceMax"} & set(operators(floating))
    ids = np.random.default_rng(2).integers(5, 3000, (3, 7))
    assert cosine(vectors(floating, ids), vectors(data, ids)) > 0.99
    assert multiply_in_fp32(floating) == floating
