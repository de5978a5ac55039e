"""A trained model written as ONNX."""

from __future__ import annotations

import io
from typing import Literal

import onnx
import torch

from medlink.training.quantization import quantize, quantize_weights


def export_onnx(model: torch.nn.Module, arithmetic: Literal["fp32", "int8"] = "fp32") -> bytes:
    """Write a model that takes ``input_ids`` and ``attention_mask`` as ONNX with int8 weights.

    Arguments:
        model: Takes two (batch, pieces) int64 tensors and gives (batch, pieces, outputs) logits.
        arithmetic: What weights are multiplied in; int8 takes half the time, and a little of the accuracy.

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
    content = drop_nan_guards(buffer.getvalue())
    return quantize(content) if arithmetic == "int8" else quantize_weights(content)


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
