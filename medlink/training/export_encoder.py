"""Export of a Hugging Face encoder of names to ONNX."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from medlink.inference.names import TorchNameEncoder
from medlink.inference.wordpiece import WordPieceEncoder
from medlink.training.export import export_onnx


class _Hidden(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)


def export_encoder(model: str | Path, folder: Path) -> None:
    """Write an encoder of names as ONNX that computes in int8, so that it runs without PyTorch.

    Arguments:
        model: Name on the hub, or folder, of a BERT-like encoder.
        folder: Where to.

    Raises:
        MedlinkError: The model is not there, or its tokenizer lacks what a BERT-like one has.
    """
    encoder = TorchNameEncoder(model)
    tokenizer = WordPieceEncoder.from_str(encoder.tokenizer.backend_tokenizer.to_str())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(export_onnx(_Hidden(encoder.model), "int8"))
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    pooling = "mean" if encoder.mean else "first"
    layout = {"dimensions": encoder.dimensions, "longest": encoder.longest, "pooling": pooling}
    (folder / "encoder.json").write_text(json.dumps(layout) + "\n", encoding="utf-8")
