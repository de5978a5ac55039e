"""What all model cards have in common."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version

import torch


def made_with() -> str:
    """Rows of a card's first table: machine and versions."""
    machine = "a GPU" if torch.cuda.is_available() else f"{platform.machine()} CPU"
    versions = ", ".join(f"{name} {version(name)}" for name in ("medlink", "torch", "transformers"))
    return f"| machine | {machine} |\n| made with | {versions} |"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
