"""Abbreviations that a document defines are mentions where their long forms are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from spacy.tokens import Doc, Span

from medlink.document.schwartz_hearst import find_definitions


def short_forms(doc: Doc, found: Sequence[tuple[Span, float]]) -> list[tuple[Span, float]]:
    """Find the mentions that abbreviations are: after "valproate (VPA)", each "VPA" is a drug if that is.

    Arguments:
        doc: The document.
        found: Its mentions, with the score of each.

    Returns:
        Further mentions, where none with that label is. The label is that of a mention which ends with the long form
        and is no wider; the score is the best of such mentions.
    """
    text = doc.text
    ending: dict[int, list[tuple[Span, float]]] = {}
    for one in found:
        ending.setdefault(one[0].end_char, []).append(one)
    further: list[tuple[Span, float]] = []
    for definition in find_definitions(text):
        scores: dict[str, float] = {}
        for place in _places(definition.long, text, re.IGNORECASE):
            for span, score in ending.get(place.end(), ()):
                if span.start_char >= place.start():
                    scores[span.label_] = max(score, scores.get(span.label_, 0.0))
        for label, score in sorted(scores.items()):
            taken = [span for span, _ in (*found, *further) if span.label_ == label]
            for place in _places(definition.short, text):
                short = doc.char_span(place.start(), place.end(), label=label)
                if short is not None and not any(short.start < one.end and one.start < short.end for one in taken):
                    further.append((short, score))
    return further


def _places(words: str, text: str, flags: int = 0) -> Iterator[re.Match[str]]:
    """Where words stand in a text, with any white space between them."""
    spaced = r"\s+".join(map(re.escape, words.split()))
    return re.finditer(rf"(?<!\w){spaced}(?!\w)", text, flags)
