"""``span._.concepts`` and ``span._.finders``: the candidates of a mention, and what found it.

They are stored on the document as plain tuples, which spaCy can send between processes and write to disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from spacy.tokens import Span

from medlink.types import Candidate

_KEY = "medlink.concepts"
_FINDERS = "medlink.finders"
_FIELDS = tuple(field.name for field in fields(Candidate))


def set_candidates(span: Span, candidates: Sequence[Candidate]) -> None:
    """Keep the candidates of a mention, best first."""
    data: dict[Any, Any] = span.doc.user_data
    data[span_key(_KEY, span)] = [tuple(getattr(candidate, name) for name in _FIELDS) for candidate in candidates]


def get_candidates(span: Span) -> list[Candidate]:
    """The candidates of a mention, best first; empty where none fits."""
    data: dict[Any, Any] = span.doc.user_data
    return [Candidate(*values) for values in data.get(span_key(_KEY, span), ())]


def add_finder(span: Span, finder: str, score: float) -> None:
    """Keep that a finder found a mention.

    Arguments:
        span: The mention.
        finder: Name of the component.
        score: How sure it is, 0 to 1; four digits are kept. Of two scores of one finder the higher is kept.
    """
    data: dict[Any, Any] = span.doc.user_data
    key = span_key(_FINDERS, span)
    scores = dict(data.get(key, ()))
    scores[finder] = max(round(score, 4), scores.get(finder, 0.0))
    data[key] = tuple(sorted(scores.items()))


def get_finders(span: Span) -> dict[str, float]:
    """The components that found a mention, with the score of each; empty for a span that medlink did not find."""
    data: dict[Any, Any] = span.doc.user_data
    return dict(data.get(span_key(_FINDERS, span), ()))


def move_extensions(span: Span, to: Span) -> None:
    """Give a mention that replaces another one, as with a new label, its candidates and finders."""
    data: dict[Any, Any] = span.doc.user_data
    for kind in (_KEY, _FINDERS):
        if (values := data.pop(span_key(kind, span), None)) is not None:
            data[span_key(kind, to)] = values


def span_key(kind: str, span: Span) -> tuple[str, int, int, str]:
    """Where in ``doc.user_data`` something of a span is kept.

    Arguments:
        kind: What is kept, as ``"medlink.concepts"``.
        span: The span.
    """
    return (kind, span.start_char, span.end_char, span.label_)


if not Span.has_extension("concepts"):
    Span.set_extension("concepts", getter=get_candidates, setter=set_candidates)
if not Span.has_extension("finders"):
    Span.set_extension("finders", getter=get_finders)
