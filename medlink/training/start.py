"""The weights of a shipped token classifier, to go on training from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from medlink.errors import MedlinkError


def start_from_model(model: nn.Module, labels: Sequence[str], folder: str | Path) -> None:
    """Give a token classifier the weights of an exported one with the same base: the encoder, and the heads of labels
    that both have.

    Arguments:
        model: The classifier, a :class:`medlink.training.ner.TokenClassifier`.
        labels: Its labels.
        folder: Holds ``model.onnx`` and ``ner.json``.

    Raises:
        MedlinkError: A file is missing, or it is the model of another base.
    """
    folder = Path(folder)
    try:
        theirs = json.loads((folder / "ner.json").read_text(encoding="utf-8"))["labels"]
        weights = read_weights(folder / "model.onnx")
        known = model.state_dict()
        for name in ("head.weight", "head.bias"):
            merged = known[name].clone()
            for row, label in enumerate(labels):
                if label in theirs:
                    at = 3 * theirs.index(label)
                    merged[3 * row : 3 * row + 3] = weights[name][at : at + 3]
            weights[name] = merged
        model.load_state_dict(weights)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        raise MedlinkError(f"{folder}: not a token classifier of this base ({first})") from None


def start_from_mean(model: nn.Module, labels: Sequence[str], folders: Sequence[str]) -> None:
    """Give a token classifier the mean of the weights of exported ones; arguments and errors as for
    :func:`start_from_model`.

    Classifiers that began at one base model, or at one that goes on from the other's, lie near enough to each other.
    """
    states = []
    for folder in folders:
        start_from_model(model, labels, folder)
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    model.load_state_dict(mean_of(states))


def mean_of(states: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of the weights of classifiers, by the names of the first."""
    return {
        name: (sum(state[name].double() for state in states) / len(states)).to(value.dtype)
        for name, value in states[0].items()
    }


def read_state(trained: str) -> dict[str, Any]:
    """What an earlier run left: the content of its checkpoint, or under ``"model"`` the weights of an exported model.

    Arguments:
        trained: A ``last.pt`` or ``best.pt``, or a folder that holds ``model.onnx``.
    """
    if Path(trained).is_dir():
        return {"model": read_weights(Path(trained) / "model.onnx")}
    state: dict[str, Any] = torch.load(trained, map_location="cpu", weights_only=True)
    return state


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights of an exported model by the names that they have in PyTorch.

    Arguments:
        path: An ``.onnx`` file that :func:`medlink.training.export.export_onnx` wrote.
    """
    graph = onnx.load(path).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # The scales of a large table may themselves be kept as int8.
    for name in sorted((name for name in tensors if name.endswith(".int8")), key=len, reverse=True):
        plain = name.removesuffix(".int8")
        tensors[plain] = tensors.pop(name).astype(np.float32) * tensors.pop(f"{plain}.scale")
    # The weight of a linear layer is kept transposed, under no name of its own, beside its bias that has one.
    products = {
        node.output[0].removesuffix(".int32"): node.input[1].removesuffix(".int8")
        for node in graph.node
        if node.op_type in ("MatMul", "MatMulInteger")
    }
    for node in graph.node:
        if node.op_type == "Add":
            for one, other in (node.input, reversed(node.input)):
                if one in products and other.endswith(".bias") and products[one] in tensors:
                    tensors[other.removesuffix("bias") + "weight"] = tensors.pop(products[one]).T
    return {
        name: torch.from_numpy(np.array(value))
        for name, value in tensors.items()
        if name.endswith((".weight", ".bias"))
    }
