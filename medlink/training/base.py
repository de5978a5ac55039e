"""What a training starts from: an encoder, and perhaps the weights of an earlier run."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModel

from medlink.errors import MedlinkError
from medlink.inference.wordpiece import WordPieceEncoder
from medlink.training.start import read_state


def load_weights(model: nn.Module, checkpoint: str, *, optional: str = "") -> None:
    """Load the weights of an earlier run into a model; those of layers that the model lacks are left out.

    Arguments:
        model: The model.
        checkpoint: A ``last.pt`` or ``best.pt``, or the folder of an exported model, which holds ``model.onnx``.
        optional: What the names of those weights begin with that the checkpoint may lack; they stay as they are.

    Raises:
        MedlinkError: The file is no checkpoint of such a model.
    """
    try:
        state = read_state(checkpoint)
        known = model.state_dict()
        weights = {
            name: value for name, value in state.get("model", state).items() if name in known or ".layer." not in name
        }
        own = {name: value for name, value in known.items() if optional and name.startswith(optional)}
        model.load_state_dict(own | weights)
    except (OSError, RuntimeError, AttributeError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0]
        raise MedlinkError(f"{checkpoint}: not a checkpoint of such a model ({first})") from None


def load_base(base: str, dropout: float) -> tuple[Any, WordPieceEncoder]:
    """Load a Hugging Face encoder and its tokenizer.

    Arguments:
        base: Folder of the encoder, its name on the hub, or ``package:NAME/FOLDER`` for one that an installed
            Python package carries.
        dropout: Dropout in the encoder. The attention weights get none: it would more than double the time of a
            step on a CPU.

    Raises:
        MedlinkError: The package that carries the encoder is missing, or there is no such encoder.
    """
    base = base_folder(base)
    encoder = from_base(AutoModel, base, add_pooling_layer=False, hidden_dropout_prob=dropout)
    return encoder, WordPieceEncoder.load(Path(base) / "tokenizer.json")


def from_base(kind: Any, base: str, **options: Any) -> Any:
    """Load a base model as one of transformers' kinds, without dropout of the attention weights.

    Arguments:
        kind: ``AutoModel``, or one with a head.
        base: What :func:`base_folder` gave.
        options: Further settings of its configuration.

    Raises:
        MedlinkError: There is no such model.
    """
    try:
        return kind.from_pretrained(base, attention_probs_dropout_prob=0.0, **options)
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise MedlinkError(f"base model {base!r}: neither a folder nor on the hub ({first})") from None


def base_folder(base: str) -> str:
    """The folder of a base model, or its name on the hub.

    Arguments:
        base: As for :func:`load_base`.

    Raises:
        MedlinkError: The package that carries the encoder is missing.
    """
    if not Path(base).exists() and base.startswith("package:"):
        package, _, inner = base.removeprefix("package:").partition("/")
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise MedlinkError(f"the base model's package {package} is missing; run 'pip install medlink[train]'")
        base = str(Path(spec.submodule_search_locations[0]) / inner)
    return base


def training_device() -> torch.device:
    """What to train on: the GPU where there is one, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    # cuDNN plans its attention anew for each length of text, which takes several times as long as the step.
    torch.backends.cuda.enable_cudnn_sdp(False)
    return torch.device("cuda")
