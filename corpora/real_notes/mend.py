"""Reads and mends the annotations of real notes: offsets out as marked texts, marked texts back as offsets.

Run:
    python corpora/real_notes/mend.py write corpora/real_notes/heldout.jsonl ../shared/data/notes /tmp/marked
    python corpora/real_notes/mend.py read /tmp/marked ../shared/data/notes corpora/real_notes/heldout.jsonl

The marked texts are copies of the notes: keep them out of the repository.
"""

import hashlib
import json
from pathlib import Path

import typer

from medlink.errors import MedlinkError
from medlink.evaluation.marked import parse_marked
from medlink.formats.offsets import read_offsets
from medlink.formats.text import read_text
from medlink.types import Document

app = typer.Typer(add_completion=False)


@app.command()
def write(offsets: Path, texts: Path, marked: Path) -> None:
    """Write each annotated note as text with its mentions in braces, ``{aspirin|DRUG}``."""
    for note in read_offsets(offsets, texts):
        path = marked / note.doc_id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(with_marks(note).encode())


@app.command()
def read(marked: Path, texts: Path, offsets: Path) -> None:
    """Write the offsets of marked texts; each must be its note's beginning once the marks are taken out."""
    lines = []
    for path in sorted(marked.glob("*/*.txt")):
        file = path.relative_to(marked).as_posix()
        text, mentions = parse_marked(read_text(path))
        note = read_text(texts / file)
        if not note.startswith(text):
            raise MedlinkError(f"{path}: without its marks it is not the beginning of {texts / file}")
        by_label: dict[str, list[list[int]]] = {}
        for mention in mentions:
            by_label.setdefault(mention.label, []).append([mention.start, mention.end])
        lines.append(
            json.dumps(
                {
                    "file": file,
                    "sha256": hashlib.sha256((texts / file).read_bytes()).hexdigest(),
                    "length": len(text),
                    "mentions": dict(sorted(by_label.items())),
                }
            )
        )
    offsets.write_text("\n".join([*lines, ""]))


def with_marks(note: Document) -> str:
    """The text of a note with its mentions in braces."""
    text = note.text
    if "{" in text or "}" in text:
        raise MedlinkError("a text with braces of its own cannot be marked")
    parts = []
    at = 0
    for mention in note.mentions:
        parts += [text[at : mention.start], f"{{{text[mention.start : mention.end]}|{mention.label}}}"]
        at = mention.end
    return "".join([*parts, text[at:]])


if __name__ == "__main__":
    app()
