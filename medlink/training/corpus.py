"""Annotated corpora as the token classifier's training reads them: words, and the tags of the labels known there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from spacy.tokens import Token

from medlink.errors import MedlinkError
from medlink.evaluation.marked import MarkedMention, parse_marked, read_marked, text_files
from medlink.formats.brat import read_brat
from medlink.formats.conll import read_conll
from medlink.formats.iob import read_iob
from medlink.formats.jsonl import read_lines
from medlink.formats.offsets import read_offsets
from medlink.formats.pubtator import read_pubtator
from medlink.formats.records import DocumentRecord
from medlink.formats.text import read_text
from medlink.models import blank_pipeline
from medlink.recognition.tags import spans_to_tags, tags_to_spans
from medlink.training.settings import CorpusSettings
from medlink.types import Mention

#: Formats of corpora. ``"marked"`` is that of :mod:`medlink.evaluation.marked`, a text a file; ``"lines"`` is the same,
#: a text a line; ``"conll"`` has the token first and the tag last, ``"jsonl"`` is what ``medlink annotate --format
#: jsonl`` writes; ``"iob"`` has sentences and no documents; ``"open"`` has a sentence a line, its mentions as
#: ``{words|type}`` or ``{words|type|type}`` with types in plain words, and ``{|type}`` for a type that no words are of;
#: ``"offsets"`` holds no texts (:mod:`medlink.formats.offsets`).
FORMATS = ("pubtator", "brat", "conll", "jsonl", "iob", "marked", "lines", "open", "offsets")
_OPEN = re.compile(r"\{([^{}|]*)((?:\|[^{}|]+)+)\}")
T = TypeVar("T")
#: Words in the passages that sentences of a corpus without documents are joined to.
_PASSAGE = 200


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of a corpus, split into words.

    Arguments:
        words: The words; white space is left out.
        tags: By label, the tag of each word. A label that is missing is unknown here, not absent.
    """

    words: list[str]
    tags: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def spans(self, label: str) -> list[tuple[int, int]]:
        """The mentions of a label as pairs of first word and word after the last one."""
        return tags_to_spans(self.tags[label])


def read_corpus(path: str | Path, format: str, labels: dict[str, str], texts: str = "") -> Iterator[Passage]:
    """Read a corpus file.

    Arguments:
        path: The file; for BRAT and marked notes also a folder of them.
        format: One of :data:`FORMATS`.
        labels: From the corpus' types to medlink's labels. Types that are not named are passed over; those of the
            format ``"open"`` are labels as they are. The conditions of marked notes have the first letter of their
            ICD-10-CM code, a chapter or so, as a second type.
        texts: Folder of the texts, for the format ``"offsets"``.

    Yields:
        A document each, or neighbouring sentences joined to passages (IOB).

    Raises:
        MedlinkError: The format is unknown or the file is missing or broken.
    """
    known = sorted(set(labels.values()))
    if format == "iob":
        yield from _join(_read_sentences(path, labels, known))
        return
    tokenize = blank_pipeline().tokenizer
    for text, mentions in _documents(path, format, texts):
        words = [token for token in tokenize(text) if not token.is_space]
        own = {mention.label: mention.label for mention in mentions} if format == "open" else labels
        yield _passage(words, mentions, own)


def read_split(corpus: CorpusSettings, path: str) -> Iterator[Passage]:
    """Read a split of a corpus as its settings say; see :func:`read_corpus`."""
    return read_corpus(path, corpus.format, corpus.labels, corpus.texts)


def _documents(path: str | Path, format: str, texts: str) -> Iterator[tuple[str, Sequence[Mention | MarkedMention]]]:
    """The texts of a corpus with their mentions."""
    match format:
        case "pubtator" | "offsets":
            for document in read_pubtator(path) if format == "pubtator" else read_offsets(path, texts):
                yield document.text, document.mentions
        case "marked":
            yield from read_marked(path)
        case "brat":
            for file in text_files(path):
                yield _annotated(read_brat(file.stem, read_text(file), read_text(file.with_suffix(".ann"))))
        case "conll" | "jsonl":
            read = read_conll if format == "conll" else read_lines
            # Not splitlines, which also cuts at separators that a text may hold.
            for record in read(read_text(path).split("\n"), str(path)):
                yield _annotated(record)
        case "lines" | "open":
            parse = parse_marked if format == "lines" else _open_types
            for line in read_text(path).split("\n"):
                if line.strip() and not line.startswith("#"):
                    yield parse(line)
        case _:
            raise MedlinkError(f"unknown corpus format {format!r}; use one of {', '.join(FORMATS)}")


def _open_types(line: str) -> tuple[str, list[Mention]]:
    """The text of a line, and its mentions."""
    text = ""
    mentions = []
    at = 0
    for mark in _OPEN.finditer(line):
        text += line[at : mark.start()]
        mentions += [Mention(len(text), len(text) + len(mark[1]), label) for label in mark[2].split("|")[1:]]
        text += mark[1]
        at = mark.end()
    return text + line[at:], mentions


def _annotated(record: DocumentRecord) -> tuple[str, list[Mention]]:
    return record["text"], [Mention(one["start"], one["end"], one["label"]) for one in record["mentions"]]


def epoch_sizes(samples: Mapping[str, Sequence[T]], shares: Mapping[str, float]) -> dict[str, int]:
    """How many samples of each corpus an epoch reads, at least one where its share is above 0.

    Arguments:
        samples: The samples by corpus.
        shares: By corpus, the share of them; 1 where it is not named.
    """
    read = {name: shares.get(name, 1.0) for name in samples}
    return {name: max(1, round(len(of) * read[name])) if read[name] else 0 for name, of in samples.items()}


def draw(samples: Mapping[str, Sequence[T]], sizes: Mapping[str, int], rng: np.random.Generator) -> list[T]:
    """The samples of an epoch: of each corpus as many as said, none once more before all others were taken.

    Arguments:
        samples: The samples by corpus.
        sizes: From :func:`epoch_sizes`.
        rng: Source of chance.
    """
    drawn = []
    for name, of in samples.items():
        rounds = max(1, -(-sizes[name] // max(1, len(of))))
        order = np.concatenate([rng.permutation(len(of)) for _ in range(rounds)])[: sizes[name]]
        drawn += [of[i] for i in order]
    return drawn


def checksum_of(path: str | Path) -> str:
    """SHA-256 of a file; of a folder, of all its files in order."""
    digest = hashlib.sha256()
    path = Path(path)
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _passage(tokens: list[Token], mentions: Sequence[Mention | MarkedMention], labels: dict[str, str]) -> Passage:
    starts = np.array([token.idx for token in tokens])
    ends = np.array([token.idx + len(token) for token in tokens])
    spans: dict[str, list[tuple[int, int]]] = {label: [] for label in labels.values()}
    for mention in mentions:
        # A mention that begins or ends inside a word is widened to the word.
        first = int(np.searchsorted(ends, mention.start, side="right"))
        after = int(np.searchsorted(starts, mention.end, side="left"))
        chapter = mention.code[:1] if isinstance(mention, MarkedMention) else ""
        for kind in (mention.label, chapter):
            if kind in labels and first < after:
                spans[labels[kind]].append((first, after))
    tags = {label: spans_to_tags(of, len(tokens)) for label, of in sorted(spans.items())}
    return Passage([token.text for token in tokens], tags)


def _read_sentences(path: str | Path, labels: dict[str, str], known: list[str]) -> Iterator[Passage]:
    for words, tags in read_iob(path):
        numbers = {label: np.zeros(len(words), dtype=np.int64) for label in known}
        for i, tag in enumerate(tags):
            prefix, _, name = tag.partition("-")
            if name in labels:
                numbers[labels[name]][i] = "OBI".index(prefix)
        yield Passage(words, numbers)


def _join(sentences: Iterator[Passage]) -> Iterator[Passage]:
    words: list[str] = []
    tags: dict[str, list[npt.NDArray[np.int64]]] = {}
    for sentence in sentences:
        if words and len(words) + len(sentence.words) > _PASSAGE:
            yield Passage(words, {label: np.concatenate(parts) for label, parts in tags.items()})
            words, tags = [], {}
        words = words + sentence.words
        for label, part in sentence.tags.items():
            tags.setdefault(label, []).append(part)
    if words:
        yield Passage(words, {label: np.concatenate(parts) for label, parts in tags.items()})
