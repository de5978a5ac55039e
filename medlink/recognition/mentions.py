"""Where mentions are kept on a document, and which of them become entities.

Every finder adds its mentions to ``doc.spans["medlink"]``, where they may overlap. ``doc.ents`` holds a
choice without overlaps: the longest first; of two as long, the label that comes first in
:data:`medlink.types.LABELS`, then the one that starts first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import groupby

from spacy.tokens import Doc, Span

from medlink.document.sentences import sentence_bounds
from medlink.types import LABELS

GROUP = "medlink"
_RANK = {label: number for number, label in enumerate(LABELS)}


def mentions_of(doc: Doc) -> list[Span]:
    """The mentions of a document, each once: those in ``doc.spans["medlink"]``, and entities from elsewhere."""
    return list({(s.start, s.end, s.label_): s for s in [*doc.spans.get(GROUP, ()), *doc.ents]}.values())


def mentions_by_sentence(doc: Doc, text: str) -> Iterator[tuple[int, int, list[Span]]]:
    """The mentions of a document in order, those that start in one sentence together.

    Arguments:
        doc: The document.
        text: Its text, which is put together anew at each access.

    Returns:
        First character of each sentence that has mentions, the character after its last one, and the mentions.
    """
    mentions = sorted(mentions_of(doc), key=lambda span: (span.start, span.end))
    if not mentions:
        return
    bounds = [*sentence_bounds(doc, text), len(text)]
    for place, group in groupby(mentions, key=lambda span: bisect_right(bounds, span.start_char) - 1):
        yield bounds[place], bounds[place + 1], list(group)


def add_mentions(doc: Doc, spans: Iterable[Span]) -> None:
    """Add mentions to a document and choose its entities anew.

    Arguments:
        doc: The document.
        spans: The new mentions. One with the tokens and label of a mention that is already there is
            passed over.
    """
    mentions = {(span.start, span.end, span.label_): span for span in [*doc.ents, *doc.spans.get(GROUP, ())]}
    for span in spans:
        mentions.setdefault((span.start, span.end, span.label_), span)
    ordered = [mentions[key] for key in sorted(mentions)]
    doc.spans[GROUP] = ordered
    taken = [False] * len(doc)
    chosen = []
    for span in sorted(ordered, key=lambda s: (s.start - s.end, _RANK.get(s.label_, len(_RANK)), s.start)):
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = [True] * (span.end - span.start)
            chosen.append(span)
    doc.ents = chosen
