"""The encoder that a training starts from."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from transformers import AutoModel

from medlink.errors import MedlinkError
from medlink.inference.wordpiece import WordPieceEncoder


def load_base(base: str, dropout: float) -> tuple[Any, WordPieceEncoder]:
    """Load a Hugging Face encoder and its tokenizer.

    Arguments:
        base: Folder of the encoder, its name on the hub, or ``package:NAME/FOLDER`` for one that an installed
            Python package carries.
        dropout: Dropout in the encoder. The attention weights get none: it would more than double the time of a
            step on a CPU.

    Raises:
        MedlinkError: The package that carries the encoder is missing.
    """
    if not Path(base).exists() and base.startswith("package:"):
        package, _, inner = base.removeprefix("package:").partition("/")
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise MedlinkError(f"the base model's package {package} is missing; run 'pip install medlink[train]'")
        base = str(Path(spec.submodule_search_locations[0]) / inner)
    encoder = AutoModel.from_pretrained(
        base, add_pooling_layer=False, hidden_dropout_prob=dropout, attention_probs_dropout_prob=0.0
    )
    return encoder, WordPieceEncoder.load(Path(base) / "tokenizer.json")
