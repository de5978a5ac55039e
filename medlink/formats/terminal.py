"""Annotated notes for the terminal: the text with its mentions highlighted, then a table of concepts."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from spacy.tokens import Doc

from medlink.assertion.component import get_assertion
from medlink.formats.rows import Row, rows_of, terminologies_of
from medlink.formats.summary import assertion_words

_STYLES = {
    "CONDITION": "bold white on dark_red",
    "DRUG": "bold white on dark_blue",
    "PROCEDURE": "bold white on purple4",
    "MEASUREMENT": "bold white on dark_green",
    "ANATOMY": "black on grey70",
    "DEVICE": "bold white on grey35",
    "GENE": "bold white on dark_orange3",
}
_WIDTH_WITHOUT_TERMINAL = 120


def docs_to_terminal(named: Sequence[tuple[str, Doc]], *, colour: bool) -> str:
    """Show annotated notes.

    Arguments:
        named: Notes with their names.
        colour: Whether the text goes to the screen; colours are used if that is a terminal.

    Returns:
        The text, with escape codes where there are colours.
    """
    on_terminal = colour and sys.stdout.isatty() and "NO_COLOR" not in os.environ
    console = Console(
        file=io.StringIO(),
        force_terminal=on_terminal,
        width=None if on_terminal else _WIDTH_WITHOUT_TERMINAL,
        highlight=False,
    )
    with console.capture() as capture:
        for name, doc in named:
            console.print(Rule(Text(name)))
            console.print(_highlighted(doc, brackets=not on_terminal), soft_wrap=True)
            for part in _concepts(doc):
                console.print(part)
    return capture.get()


def _highlighted(doc: Doc, *, brackets: bool) -> Text:
    """The note with its entities marked: by colour, or without colours by brackets, label and assertion."""
    note = doc.text  # put together anew at each access
    text = Text()
    at = 0
    for entity in doc.ents:
        text.append(note[at : entity.start_char])
        mention = note[entity.start_char : entity.end_char]
        said = assertion_words(get_assertion(entity))
        marked = f"[{mention}|{', '.join(filter(None, [entity.label_, said]))}]" if brackets else mention
        text.append(marked, _STYLES.get(entity.label_, "reverse") + (" strike" if "absent" in said else ""))
        at = entity.end_char
    text.append(note[at:])
    return text


def _concepts(doc: Doc) -> Iterator[Table | Text]:
    """A table of the mentions that have a concept, and a line of those that have none."""
    all_rows = rows_of(doc)
    rows = [row for row in all_rows if row.best]
    if rows:
        yield _table(rows)
    unlinked = [f"{row.text} ({_described(row)})" for row in all_rows if not row.best]
    if unlinked:
        yield Text(f"Without a concept: {', '.join(unlinked)}")
    if not all_rows:
        yield Text("No mentions found.")


def _described(row: Row) -> str:
    return "; ".join(filter(None, [row.label, row.assertion, row.attributes]))


def _table(rows: list[Row]) -> Table:
    names = terminologies_of(rows)
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("Mention", overflow="fold")
    table.add_column("Label")
    # A column that nothing stands in is left out, for the sake of the others.
    said = [name for name in ("assertion", "attributes") if any(getattr(row, name) for row in rows)]
    for name in said:
        table.add_column(name.capitalize(), overflow="fold")
    for name in names:
        table.add_column(name, overflow="fold")
        table.add_column("score", justify="right")
    for row in rows:
        cells = []
        for name in names:
            best = row.best.get(name)
            cells += [f"{best.concept_id} {best.name}", f"{best.score:.2f}"] if best else ["–", ""]
        times = f" ×{row.count}" if row.count > 1 else ""
        label = Text(row.label, _STYLES.get(row.label, ""))
        table.add_row(
            Text(f"{row.text}{times}"), label, *(Text(getattr(row, name)) for name in said), *map(Text, cells)
        )
    return table
