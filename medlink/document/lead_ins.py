"""Lines that lead into a list: what "Return to the emergency room if you have:" says holds of each item below it."""

from __future__ import annotations

import re
from itertools import islice

from medlink.document.boundaries import ITEM
from medlink.document.headings import LEAD

_LINE = re.compile(r"([^\n]*)(?:\n|\Z)")
_LETTER = re.compile(r"[^\W\d_]")
_CLOSE_BULLET = re.compile(r"[-–•*](?=\w).")
# In a line of several sentences the last one leads in.
_SENTENCE_END = re.compile(r"[.!?][\"”')\]]*\s+(?=[A-Z])")
# Lines after a lead-in that are looked at; lists are shorter.
_MOST = 60
# Characters of an item without a bullet; a longer line is prose.
_SHORT = 60
# Characters of a line that was broken because it was full.
_FULL = 50


def lead_ins(text: str) -> dict[int, tuple[int, int]]:
    """The items of lists below a line that ends with a colon.

    The items have bullets or numbers, or are short lines up to an empty one. Those of a list inside an item belong to
    what leads into that.

    Arguments:
        text: A document.

    Returns:
        By the first character of an item's line, the first character of the lead-in and the one after its colon.
    """
    lines = [(match.start(1), match[1].rstrip()) for match in _LINE.finditer(text)]
    found: dict[int, tuple[int, int]] = {}
    for number, (start, line) in enumerate(lines):
        if line.endswith(":") and _LETTER.search(line):
            lead = _first(lines, number), start + len(line)
            found |= dict.fromkeys(_items(lines, number), lead)
    return found


def _first(lines: list[tuple[int, str]], number: int) -> int:
    """The first character of the sentence with which a line ends; it may have begun on the line before."""
    start, line = lines[number]
    ends = [match.end() for match in _SENTENCE_END.finditer(line)]
    if ends:
        return start + ends[-1]
    before = lines[number - 1][1] if number else ""
    if line[0].islower() and len(before) >= _FULL and before[-1] not in ".:;!?":
        return _first(lines, number - 1)
    lead = LEAD.match(line)
    return start + (lead.end() if lead is not None else 0)


def _items(lines: list[tuple[int, str]], number: int) -> list[int]:
    """Where the lines of the items below a lead-in begin."""
    of_lead = _marker(lines[number][1])
    items: list[int] = []
    marked: bool | None = None
    before = ""
    empty = False
    for start, line in islice(lines, number + 1, number + 1 + _MOST):
        if not line:
            if empty:
                break
            empty = True
            continue
        marker = _marker(line)
        if marked is None:
            marked = marker is not None
        if not marked:
            if empty or marker is not None or len(line) > _SHORT or line[-1] in ".:":
                break
        elif marker is None:
            if empty or not (line[0].isspace() or len(before) >= _FULL):
                break
        elif of_lead is not None and marker[0] == of_lead[0] and marker[1] <= of_lead[1]:
            break  # the next item of the list that the lead-in is an item of
        if marker is not None or not marked:
            items.append(start)
        before, empty = line, False
    return items


def _marker(line: str) -> tuple[str, int] | None:
    """The bullet of a line, "1" for a number and "a" for a letter, and the column of it; None without one."""
    indented = len(line) - len(line.lstrip())
    match = ITEM.match(line, indented) or _CLOSE_BULLET.match(line, indented)
    if match is None:
        return None
    sign = match[0][:-1].strip(" \t().")
    return "1" if sign.isdigit() else "a" if sign.isalpha() else sign, indented
