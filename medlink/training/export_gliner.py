"""Export of GLiNER models of the ``gliner`` library to ONNX."""

from __future__ import annotations

import json
import logging
import tempfile
from pathlib import Path
from typing import Any, Literal

import torch
from gliner import GLiNER

from medlink.errors import MedlinkError
from medlink.inference.gliner import CONFIG, MODEL, TOKENIZER, GlinerLayout
from medlink.training.export import drop_nan_guards
from medlink.training.quantization import quantize_weights, round_weights

Weights = Literal["fp32", "int8"]


def export_gliner(path: str, folder: Path, weights: Weights = "fp32") -> None:
    """Write a GLiNER model as ONNX, so that ``medlink_gliner`` runs it without PyTorch.

    Arguments:
        path: Folder of a model of the library, or its name on the hub.
        folder: Where to.
        weights: ``"fp32"`` for the same scores; ``"int8"`` for a quarter of the size.

    Raises:
        MedlinkError: There is no such model, or it is of a kind that is not supported.
    """
    try:
        model = GLiNER.from_pretrained(path)
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise MedlinkError(f"{path}: no GLiNER model can be loaded ({first}); name a folder that holds one") from None
    write_gliner(model, folder, weights)


def write_gliner(model: Any, folder: Path, weights: Weights) -> None:
    """Write a loaded GLiNER model as ONNX; with ``"int8"`` its own weights are rounded likewise.

    Arguments:
        model: The model of the library.
        folder: Where to: ``model.onnx``, ``tokenizer.json``, ``gliner_config.json``.
        weights: ``"fp32"`` or ``"int8"``.

    Raises:
        MedlinkError: The model is of a kind that is not supported.
    """
    config = json.dumps(model.config.to_dict(), default=str, indent=1)
    GlinerLayout.read(config, "the model")
    if weights == "int8":
        round_weights(model.model)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch, torch.no_grad():
        model.export_to_onnx(scratch)
        content = drop_nan_guards((Path(scratch) / MODEL).read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(quantize_weights(content) if weights == "int8" else content)
    tokenizer = model.data_processor.transformer_tokenizer.backend_tokenizer
    (folder / TOKENIZER).write_text(tokenizer.to_str(), encoding="utf-8")
    (folder / CONFIG).write_text(config + "\n", encoding="utf-8")
