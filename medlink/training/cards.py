"""What all model cards have in common."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version


def made_with(machines: Sequence[str]) -> str:
    """Rows of a card's first table: machine and versions.

    Arguments:
        machines: As of :class:`medlink.training.progress.Progress`.
    """
    versions = ", ".join(f"{name} {version(name)}" for name in ("medlink", "torch", "transformers"))
    return f"| machine | {', '.join(machines)} |\n| made with | {versions} |"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
