"""GLiNER models run by the ``gliner`` library, which needs PyTorch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from medlink.errors import MedlinkError
from medlink.inference.gliner import GlinerGraph
from medlink.inference.onnx import FloatArray


class TorchGraph:
    """The PyTorch module of a GLiNER model.

    Arguments:
        module: Takes the library's inputs as tensors and gives an output with ``logits``.
    """

    def __init__(self, module: Any) -> None:
        self._module = module.eval()

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> FloatArray:
        """Compute the logits of a batch."""
        import torch

        device = next(self._module.parameters()).device
        with torch.inference_mode():
            output = self._module(**{name: torch.from_numpy(values).to(device) for name, values in inputs.items()})
        return np.asarray(output.logits.float().cpu().numpy())


def load_torch(path: str) -> tuple[GlinerGraph, str, str]:
    """Load a model of the library; nothing is downloaded.

    Arguments:
        path: Its folder, or the name of one in the Hugging Face cache.

    Returns:
        What computes logits, the text of its ``tokenizer.json`` and that of its ``gliner_config.json``.

    Raises:
        MedlinkError: The library is missing, or there is no such model.
    """
    try:
        from gliner import GLiNER
    except ImportError as error:
        raise MedlinkError(
            f"{path} holds no model.onnx, and to run it from PyTorch {error.name} is needed; run "
            "'pip install medlink[train]', or write it as ONNX with 'medlink export gliner'"
        ) from None
    try:
        model = GLiNER.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise MedlinkError(
            f"{path}: no GLiNER model can be loaded ({first}); name a folder that holds one, or download it first"
        ) from None
    tokenizer = model.data_processor.transformer_tokenizer.backend_tokenizer.to_str()
    return TorchGraph(model.model), tokenizer, json.dumps(model.config.to_dict(), default=str)
