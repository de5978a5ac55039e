"""PubTator: ``ID|t|title``, ``ID|a|abstract`` and tab-separated mentions, documents apart by blank lines.

Source: https://www.ncbi.nlm.nih.gov/research/pubtator3/ (format of BC5CDR and the NCBI Disease corpus).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord
from medlink.formats.text import blocks_of, read_blocks
from medlink.types import Document, Mention

_TEXT_LINE = re.compile(r"^([^|\t]+)\|([ta])\|(.*)$", re.DOTALL)
# Some mentions name two concepts ("D1|D2"), some corpora join ids by "+" or ",".
_ID_SEPARATOR = re.compile(r"[|+,]")
_BREAK = re.compile(r"[\r\n]")


def read_pubtator(path: str | Path) -> Iterator[Document]:
    """Read a PubTator file.

    The text of a document is its title, one newline and its abstract, which is what the offsets count.
    Relation lines (``ID<tab>CID<tab>…``) are passed over.

    Arguments:
        path: The file.

    Yields:
        One document each, its mentions with the corpus' own labels and concept ids (``-1`` left out).

    Raises:
        MedlinkError: The file cannot be read, or a mention does not match the text at its offsets.
    """
    for block in read_blocks(path):
        yield _parse(block, path)


def parse_pubtator(lines: Iterable[str], source: str) -> Iterator[Document]:
    """Read documents from the lines of a file; see :func:`read_pubtator`."""
    for block in blocks_of(lines):
        yield _parse(block, source)


def _parse(block: list[tuple[int, str]], path: str | Path) -> Document:
    doc_id, parts, mentions = "", {}, []
    for number, line in block:
        if (text_line := _TEXT_LINE.match(line)) and "\t" not in line.split("|", 1)[0]:
            doc_id = text_line[1]
            parts[text_line[2]] = text_line[3]
            continue
        fields = line.split("\t")
        if len(fields) < 4:
            raise MedlinkError(
                f"{path}:{number}: not a PubTator line; expected 'ID|t|…', 'ID|a|…' or tab-separated fields"
            )
        if not (fields[1].isdigit() and fields[2].isdigit()):
            continue
        start, end = int(fields[1]), int(fields[2])
        text = "\n".join(parts.get(part, "") for part in "ta")
        # Some lines of the NCBI corpus carry blanks after the mention that the offsets do not count, and a mention may
        # reach over a line break.
        if text[start:end].split() != fields[3].split():
            raise MedlinkError(
                f"{path}:{number}: the text at {start}-{end} is {text[start:end]!r}, not {fields[3]!r}; "
                "offsets must count characters of title, newline, abstract"
            )
        ids = _ID_SEPARATOR.split(fields[5]) if len(fields) > 5 else []
        label = fields[4] if len(fields) > 4 else ""
        mentions.append(Mention(start, end, label, tuple(i.strip() for i in ids if i.strip() not in ("", "-1"))))
    return Document(doc_id, "\n".join(parts.get(part, "") for part in "ta"), tuple(mentions))


def write_pubtator(record: DocumentRecord) -> str:
    """A document in PubTator's format, with the blank line after it.

    The first line of the text is the title, the rest the abstract, in which line breaks are blanks: the format has no
    others. Offsets stay as they are. A mention has its best concept. What an identifier cannot hold is ``_`` in it.
    """
    doc_id = re.sub(r"[|\s]", "_", record["id"])
    title, _, abstract = record["text"].partition("\n")
    lines = [f"{doc_id}|t|{_BREAK.sub(' ', title)}", f"{doc_id}|a|{_BREAK.sub(' ', abstract)}"]
    for mention in record["mentions"]:
        best = mention["concepts"][0]["concept_id"] if mention["concepts"] else "-1"
        # A break between title and abstract stands in the text that is read, but not in a line.
        words = re.sub(r"[\r\n\t]", " ", mention["text"])
        lines.append("\t".join((doc_id, str(mention["start"]), str(mention["end"]), words, mention["label"], best)))
    return "\n".join(lines) + "\n\n"
