"""A trained model written as ONNX, its weights as int8 with a scale for each row.

Only weights are quantised; see :mod:`medlink.inference.onnx` for why activations are not.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

# Smaller tensors (biases, layer norms) stay as they are.
_SMALLEST = 10_000


def export_onnx(model: torch.nn.Module) -> bytes:
    """Write a model that takes ``input_ids`` and ``attention_mask`` as ONNX with int8 weights.

    Arguments:
        model: Takes two (batch, pieces) int64 tensors and gives (batch, pieces, outputs) logits.

    Returns:
        The content of the ``.onnx`` file; batch and pieces are free.
    """
    model.eval()
    ids = torch.ones((2, 16), dtype=torch.int64)
    batch, pieces = torch.export.Dim("batch", min=1), torch.export.Dim("pieces", min=2, max=512)
    program = torch.onnx.export(
        model,
        (ids, torch.ones_like(ids)),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_shapes=({0: batch, 1: pieces}, {0: batch, 1: pieces}),
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    buffer = io.BytesIO()
    onnx.save(program.model_proto, buffer)
    return quantize_weights(drop_nan_guards(buffer.getvalue()))


def drop_nan_guards(data: bytes) -> bytes:
    """Take the nodes out of a model that replace the attention of a piece that may attend to none.

    ``Where(IsNaN(x), 0, x)`` behind each softmax takes a fifth of the time, and changes nothing where every piece may
    attend to ``[CLS]``.

    Arguments:
        data: The content of an ``.onnx`` file.

    Returns:
        The content of one that gives the same.
    """
    model = onnx.load_from_string(data)
    nodes = list(model.graph.node)
    guarded = {node.output[0]: node.input[0] for node in nodes if node.op_type == "IsNaN"}
    instead = {
        node.output[0]: node.input[2]
        for node in nodes
        if node.op_type == "Where" and guarded.get(node.input[0], "") == node.input[2]
    }
    kept = [node for node in nodes if node.output[0] not in guarded.keys() | instead.keys()]
    for node in kept:
        for i, name in enumerate(node.input):
            node.input[i] = instead.get(name, name)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def quantize_weights(data: bytes) -> bytes:
    """Store the large weights of an ONNX model as int8.

    Each row along the axis with the closest fit gets a scale of its own; ONNX Runtime folds cast and
    product back into fp32 weights when it opens the model.

    Arguments:
        data: The content of an ``.onnx`` file with fp32 weights.

    Returns:
        The content of the smaller file.
    """
    model = onnx.load_from_string(data)
    nodes: list[Any] = []
    kept = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) != 2 or np.prod(tensor.dims) < _SMALLEST:
            kept.append(tensor)
            continue
        weights = numpy_helper.to_array(tensor)
        numbers, scale = _quantize_best(weights)
        name = tensor.name
        kept += [numpy_helper.from_array(numbers, f"{name}.int8"), numpy_helper.from_array(scale, f"{name}.scale")]
        nodes += [
            helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name]),
        ]
    nodes += list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    del model.graph.value_info[:], model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def round_weights(module: torch.nn.Module) -> None:
    """Round the large weights of a module to what :func:`quantize_weights` keeps of them, so that both are alike."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 2 and parameter.numel() >= _SMALLEST:
                weights = parameter.cpu().numpy()
                numbers, scale = _quantize_best(weights)
                parameter.copy_(torch.from_numpy(numbers.astype(np.float32) * scale))


def _quantize_best(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and scales along the axis with the closest fit."""
    return min((_quantize(weights, axis) for axis in (0, 1)), key=lambda both: _error(weights, *both))


def _quantize(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    scale = np.abs(weights).max(axis=axis, keepdims=True) / 127
    scale[scale == 0] = 1
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)


def _error(weights: np.ndarray, numbers: np.ndarray, scale: np.ndarray) -> float:
    return float(np.square(weights - numbers * scale).sum())
