"""What all model cards have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from medlink.evaluation.ner import Scores

#: Columns of a table of the strict scores of mentions.
SCORE_COLUMNS = ("corpus", "label", "precision", "recall", "F1", "gold")


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


def rows_of_scores(scores: Mapping[str, Mapping[str, Scores]]) -> list[tuple[str, ...]]:
    """Rows with :data:`SCORE_COLUMNS` for the scores by corpus and label."""
    return [(name, label, *figures(score)) for name, by_label in scores.items() for label, score in by_label.items()]


def figures(score: Scores) -> tuple[str, str, str, str]:
    """Precision, recall, F1 and gold mentions, as cards have them."""
    return f"{score.precision:.4f}", f"{score.recall:.4f}", f"{score.f1:.4f}", str(score.gold)
