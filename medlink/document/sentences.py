"""``medlink_sentences``: the sentences of clinical notes."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from spacy.attrs import SENT_START
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import SimpleFrozenList

from medlink.document.boundaries import sentence_starts
from medlink.document.offsets import first_tokens, token_starts
from medlink.document.sections import section_rows


@Language.factory("medlink_sentences", assigns=["token.is_sent_start", "doc.sents"])
def make_sentences(nlp: Language, name: str) -> "MedlinkSentences":
    """Make the component."""
    return MedlinkSentences(name)


class MedlinkSentences:
    """Splits notes into sentences, in time that grows with their length and not faster.

    Headings and the texts of sections begin sentences of their own where ``medlink_sections`` ran before.

    Arguments:
        name: Name in the pipeline.
    """

    def __init__(self, name: str = "medlink_sentences") -> None:
        self.name = name

    def __call__(self, doc: Doc) -> Doc:
        """Split a document."""
        if not len(doc):
            return doc
        tokens = token_starts(doc)
        # Heading and text of each section.
        marks = [int(tokens[mark]) for row in section_rows(doc) for mark in (row[3], row[5]) if mark < len(doc)]
        starts = np.array(sentence_starts(doc.text, marks), dtype=np.int64)
        flags = np.full(len(doc), -1, dtype=np.int64)
        first = first_tokens(tokens, starts)
        flags[first[first < len(doc)]] = 1
        flags[0] = 1
        doc.from_array([SENT_START], flags.view(np.uint64).reshape(-1, 1))  # type: ignore[arg-type]
        return doc

    def to_bytes(self, *, exclude: Iterable[str] = SimpleFrozenList()) -> bytes:
        """Nothing: the component has no data."""
        return b""

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = SimpleFrozenList()) -> "MedlinkSentences":
        """Nothing to read."""
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> None:
        """Nothing to write."""

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = SimpleFrozenList()) -> "MedlinkSentences":
        """Nothing to read."""
        return self


def sentence_bounds(doc: Doc, text: str) -> list[int]:
    """Where the sentences of a document begin, by characters, the first at 0.

    Those that the document has, or where it has none, those that :func:`sentence_starts` finds.

    Arguments:
        doc: The document.
        text: Its text, which is put together anew at each access.
    """
    flags = doc.to_array([SENT_START]).reshape(-1)
    # Not doc.has_annotation(), which looks at the tokens one by one.
    if not flags[1:].any():
        return sentence_starts(text) if len(flags) > 1 else [0]
    bounds: list[int] = token_starts(doc)[flags == 1].tolist()
    return bounds if bounds and bounds[0] == 0 else [0, *bounds]
