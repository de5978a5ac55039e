"""``span._.concepts``: where the candidates of a mention are kept.

They are stored on the document as plain tuples, which spaCy can send between processes and write to disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from spacy.tokens import Span

from medlink.types import Candidate

_KEY = "medlink.concepts"
_FIELDS = tuple(field.name for field in fields(Candidate))


def set_candidates(span: Span, candidates: Sequence[Candidate]) -> None:
    """Keep the candidates of a mention, best first."""
    data: dict[Any, Any] = span.doc.user_data
    data[span_key(_KEY, span)] = [tuple(getattr(candidate, name) for name in _FIELDS) for candidate in candidates]


def get_candidates(span: Span) -> list[Candidate]:
    """The candidates of a mention, best first; empty where none fits."""
    data: dict[Any, Any] = span.doc.user_data
    return [Candidate(*values) for values in data.get(span_key(_KEY, span), ())]


def span_key(kind: str, span: Span) -> tuple[str, int, int, str]:
    """Where in ``doc.user_data`` something of a span is kept.

    Arguments:
        kind: What is kept, as ``"medlink.concepts"``.
        span: The span.
    """
    return (kind, span.start_char, span.end_char, span.label_)


if not Span.has_extension("concepts"):
    Span.set_extension("concepts", getter=get_candidates, setter=set_candidates)
