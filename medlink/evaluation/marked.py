"""Text with mentions and their assertions marked inline, and how well they are decided.

A mention stands in braces, with what differs from "present current patient" after a bar:
``Mother had {breast cancer|historical family}, patient denies {fever|absent}.`` A label may come first:
``{aspirin|DRUG}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span

from medlink.assertion.values import DEFAULTS, DIMENSIONS, VALUES
from medlink.errors import MedlinkError
from medlink.formats.text import read_text
from medlink.types import LABELS

_MARK = re.compile(r"\{([^{}|]*)(?:\|([^{}]*))?\}")


@dataclass(frozen=True, slots=True)
class MarkedMention:
    """A mention with its gold assertion.

    Arguments:
        start: First character.
        end: The character after the last one.
        label: Its label, CONDITION where none is given.
        assertion: Status, temporality and experiencer.
        code: The ICD-10-CM code given with it, or "".
    """

    start: int
    end: int
    label: str
    assertion: tuple[str, str, str]
    code: str = ""


def parse_marked(text: str) -> tuple[str, list[MarkedMention]]:
    """Take the marks out of a text.

    Arguments:
        text: The text with marks.

    Returns:
        The plain text and its mentions.

    Raises:
        MedlinkError: A mark holds a word that is no label, assertion or code.
    """
    plain: list[str] = []
    mentions = []
    at = length = 0
    for match in _MARK.finditer(text):
        plain.append(text[at : match.start()])
        length += match.start() - at
        values = list[str](DEFAULTS)
        label, code = "CONDITION", ""
        for word in (match[2] or "").split():
            if word in VALUES:
                values[VALUES.index(word) // len(DIMENSIONS)] = word
            elif word in LABELS:
                label = word
            elif re.fullmatch(r"[A-Z]\d[\dA-Z](?:\.[\dA-Z]{1,4})?", word):
                code = word
            else:
                raise MedlinkError(f"{match[0]}: {word!r} is no label, assertion or ICD-10-CM code")
        mentions.append(MarkedMention(length, length + len(match[1]), label, (values[0], values[1], values[2]), code))
        plain.append(match[1])
        length += len(match[1])
        at = match.end()
    plain.append(text[at:])
    return "".join(plain), mentions


def read_marked(path: str | Path) -> Iterator[tuple[str, list[MarkedMention]]]:
    """The plain text and the mentions of a marked file, or of each of a folder in order.

    Raises:
        MedlinkError: A file cannot be read, or a mark is wrong.
    """
    for file in text_files(path):
        yield parse_marked(read_text(file))


def docs_with_mentions(nlp: Language, texts: Iterable[tuple[str, Sequence[MarkedMention]]]) -> Iterable[Doc]:
    """Documents whose entities are gold mentions, with the pipeline's components run on them.

    Arguments:
        nlp: A pipeline without a finder.
        texts: Plain texts with their mentions.
    """
    for text, mentions in texts:
        doc = nlp.make_doc(text)
        spans: list[Span] = []
        for mention in mentions:
            span = doc.char_span(mention.start, mention.end, label=mention.label, alignment_mode="expand")
            if span is not None and (not spans or span.start >= spans[-1].end):
                spans.append(span)
        doc.ents = spans
        for _, component in nlp.pipeline:
            doc = component(doc)
        yield doc


def text_files(path: str | Path) -> Iterator[Path]:
    """A file, or the text files of a folder in order."""
    folder = Path(path)
    yield from sorted(folder.glob("*.txt")) if folder.is_dir() else [folder]
