"""CoNLL: a token a line, its tag in the last column, sentences apart by blank lines.

Source: Tjong Kim Sang and De Meulder 2003; ``-DOCSTART-`` begins a document. What medlink writes has the columns token,
first character, the one after the last, concept of the mention (or ``_``) and IOB2 tag, so that the text can be put
together again but for its white space. Only entities fit, since they do not overlap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord, MentionRecord, new_concept, new_document, new_mention

_START = "-DOCSTART-"
_TOKEN = re.compile(r"\w+|[^\w\s]")
_Row = tuple[int, list[str]]


def write_conll(record: DocumentRecord) -> str:
    """A document in CoNLL's columns. Sentences are set apart at line breaks."""
    text = record["text"]
    entities = [mention for mention in record["mentions"] if mention["entity"]]
    at = {i: mention for mention in entities for i in range(mention["start"], mention["end"])}
    edges = {edge for mention in entities for edge in (mention["start"], mention["end"])}
    doc_id = re.sub(r"\s", "_", record["id"])
    lines = [f"{_START}\t{doc_id}", ""]
    last = 0
    for match in _TOKEN.finditer(text):
        across = match.start() in at and at.get(last - 1) is at[match.start()]
        if lines[-1] and "\n" in text[last : match.start()] and not across:
            lines.append("")
        last = match.end()
        # A token that a mention begins or ends in is cut there.
        cuts = [match.start(), *(i for i in range(match.start() + 1, match.end()) if i in edges), match.end()]
        for start, end in pairwise(cuts):
            lines.append("\t".join((text[start:end], str(start), str(end), *_columns(start, text, at.get(start)))))
    return "\n".join(lines) + "\n\n"


def _columns(start: int, text: str, mention: MentionRecord | None) -> tuple[str, str]:
    if mention is None:
        return "_", "O"
    best = mention["concepts"][0] if mention["concepts"] else None
    begins = not _TOKEN.search(text, mention["start"], start)
    tag = f"{'B' if begins else 'I'}-{mention['label']}"
    return (f"{best['terminology']}:{best['concept_id']}" if best else "_"), tag


def read_conll(lines: Iterable[str], source: str) -> Iterator[DocumentRecord]:
    """Read documents: those that medlink wrote, and files with the token first and the tag last.

    Without offsets the text is the tokens with blanks between them, and a line for each sentence. Tags are IOB1
    or IOB2.

    Arguments:
        lines: The lines of the file.
        source: Where it comes from, for errors; without ``-DOCSTART-`` lines also the identifier.

    Raises:
        MedlinkError: A line has no tag, or one that is not O, B-… or I-….
    """
    doc_id, sentences, count = source, [list[_Row]()], 0
    for number, line in enumerate(chain(lines, [_START]), start=1):
        fields = line.removesuffix("\n").removesuffix("\r").split("\t" if "\t" in line else None)
        if fields and fields[0] == _START:
            if count or any(sentences):
                yield _document(doc_id, sentences, source)
                sentences = [[]]
            count += 1
            doc_id = fields[1] if len(fields) == 2 else f"{source}#{count}"
        elif not fields or not fields[0]:
            sentences.append([])
        elif len(fields) < 2 or not (fields[-1] == "O" or fields[-1][:2] in ("B-", "I-")):
            raise MedlinkError(f"{source}:{number}: expected 'token … O', 'B-Label' or 'I-Label', found {line[:60]!r}")
        else:
            sentences[-1].append((number, fields))


def _document(doc_id: str, sentences: list[list[_Row]], source: str) -> DocumentRecord:
    text = ""
    spans: list[tuple[int, int, str, str]] = []
    for sentence in filter(None, sentences):
        before = "O"
        for i, (number, fields) in enumerate(sentence):
            tag = fields[-1]
            start = len(text) + bool(text)
            concept = "_"
            if len(fields) == 5 and fields[1].isdigit() and fields[2].isdigit():
                start, concept = int(fields[1]), fields[3]
                if start < len(text):
                    raise MedlinkError(f"{source}:{number}: the token begins within the one before it")
            gap = start - len(text)
            text += ("\n" if i == 0 and text else " ") * (gap > 0) + " " * (gap - 1) + fields[0]
            if tag.startswith("I-") and before[2:] == tag[2:] and spans:
                spans[-1] = (spans[-1][0], len(text), *spans[-1][2:])
            elif tag != "O":
                spans.append((start, len(text), tag[2:], concept))
            before = tag
    record = new_document(doc_id, text)
    for first, last, label, concept in spans:
        mention = new_mention(text, first, last, label)
        if concept != "_":
            terminology, _, concept_id = concept.partition(":")
            mention["concepts"] = [new_concept(terminology, concept_id)]
        record["mentions"].append(mention)
    return record
