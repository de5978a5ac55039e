"""Quantisation of ONNX models: weights stored as int8, and products of them computed in int8.

Each row of the activations, that is each piece of a text, has a scale of its own, found as it is computed (token-wise
dynamic quantisation, ZeroQuant, Yao et al. 2022), so the result of a text does not depend on the other texts of its
batch, as it would with the one scale that ONNX Runtime's own dynamic quantisation takes. Weights that are multiplied
have 7 bits and a scale for each column: sums of two such products fit in the 16 bits that processors without VNNI have
for them, so that these compute the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

# Smaller tensors (biases, layer norms, heads) stay as they are.
_SMALLEST = 10_000
_INT8, _INT7 = 127, 63
# Names of what every quantised product shares.
_LEVELS, _MIDDLE, _OFFSET, _AXIS, _TINY = (
    f"quantization.{name}" for name in ("levels", "middle", "offset", "axis", "tiny")
)


def quantize(data: bytes) -> bytes:
    """Let an ONNX model compute in int8.

    Products with large weights are computed in integers, rows of large tables are looked up as int8, and other large
    weights are stored as by :func:`quantize_weights`.

    Arguments:
        data: The content of an ``.onnx`` file with fp32 weights, of opset 18 or later.

    Returns:
        The content of the smaller and faster one.
    """
    model = onnx.load_from_string(data)
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer if _is_large(tensor)}
    constants = _shared_constants()
    nodes: list[Any] = []
    quantized: set[str] = set()  # activations, which several products may share, and weights
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            activations, weight = node.input
            if activations not in quantized:
                nodes += _quantize_rows(activations)
            if weight not in quantized:
                constants += _stored(weight, *_quantize(weights[weight], 0, _INT7))
            quantized |= {activations, weight}
            nodes += _integer_product(activations, weight, node.output[0])
        elif node.op_type == "Gather" and node.input[0] in weights and not any(one.i for one in node.attribute):
            table, rows = node.input
            if table not in quantized:
                constants += _stored(table, *_quantize(weights[table], 1, _INT8))
            quantized.add(table)
            nodes += _look_up(table, rows, node.output[0])
        else:
            nodes.append(node)
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in quantized]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend([*kept, *constants])
    model.graph.node.extend(nodes)
    return quantize_weights(model.SerializeToString())


def _shared_constants() -> list[TensorProto]:
    return [
        numpy_helper.from_array(np.asarray(value), name)
        for name, value in (
            (_LEVELS, np.float32(_INT8)),
            (_MIDDLE, np.uint8(_INT8 + 1)),
            (_OFFSET, np.float32(_INT8 + 1.5)),  # a half more, since the cast cuts off
            (_AXIS, np.array([-1], dtype=np.int64)),
            (_TINY, np.float32(1e-9)),
        )
    ]


def _quantize_rows(name: str) -> list[Any]:
    """Nodes that give ``NAME.uint8``, and ``NAME.step``, the worth of 1 in each row."""
    return [
        helper.make_node("Abs", [name], [f"{name}.abs"]),
        helper.make_node("ReduceMax", [f"{name}.abs", _AXIS], [f"{name}.max"], keepdims=1),
        helper.make_node("Max", [f"{name}.max", _TINY], [f"{name}.most"]),
        helper.make_node("Div", [_LEVELS, f"{name}.most"], [f"{name}.inverse"]),
        helper.make_node("Div", [f"{name}.most", _LEVELS], [f"{name}.step"]),
        helper.make_node("Mul", [name, f"{name}.inverse"], [f"{name}.scaled"]),
        helper.make_node("Add", [f"{name}.scaled", _OFFSET], [f"{name}.positive"]),
        helper.make_node("Cast", [f"{name}.positive"], [f"{name}.uint8"], to=TensorProto.UINT8),
    ]


def _integer_product(activations: str, weight: str, output: str) -> list[Any]:
    return [
        helper.make_node("MatMulInteger", [f"{activations}.uint8", f"{weight}.int8", _MIDDLE], [f"{output}.int32"]),
        helper.make_node("Cast", [f"{output}.int32"], [f"{output}.float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{output}.float", f"{activations}.step"], [f"{output}.rows"]),
        helper.make_node("Mul", [f"{output}.rows", f"{weight}.scale"], [output]),
    ]


def _look_up(table: str, rows: str, output: str) -> list[Any]:
    return [
        helper.make_node("Gather", [f"{table}.int8", rows], [f"{output}.int8"]),
        helper.make_node("Gather", [f"{table}.scale", rows], [f"{output}.scale"]),
        helper.make_node("Cast", [f"{output}.int8"], [f"{output}.float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{output}.float", f"{output}.scale"], [output]),
    ]


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
        if not _is_large(tensor):
            kept.append(tensor)
            continue
        name = tensor.name
        kept += _stored(name, *_quantize_best(numpy_helper.to_array(tensor)))
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


def _is_large(tensor: TensorProto) -> bool:
    dims = tensor.dims
    return tensor.data_type == TensorProto.FLOAT and len(dims) == 2 and min(dims) > 1 and np.prod(dims) >= _SMALLEST


def _stored(name: str, numbers: np.ndarray, scale: np.ndarray) -> list[TensorProto]:
    return [numpy_helper.from_array(numbers, f"{name}.int8"), numpy_helper.from_array(scale, f"{name}.scale")]


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
    return min((_quantize(weights, axis, _INT8) for axis in (0, 1)), key=lambda both: _error(weights, *both))


def _quantize(weights: np.ndarray, axis: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    scale = np.abs(weights).max(axis=axis, keepdims=True) / largest
    scale[scale == 0] = 1
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)


def _error(weights: np.ndarray, numbers: np.ndarray, scale: np.ndarray) -> float:
    return float(np.square(weights - numbers * scale).sum())
