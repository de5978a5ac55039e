"""How many of the headings of annotated notes are found, and how many that are found are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medlink.document.headings import HeadingFinder
from medlink.errors import MedlinkError
from medlink.formats.text import read_text


@dataclass(frozen=True, slots=True)
class HeadingScores:
    """Headings counted over all notes.

    Arguments:
        gold: Headings annotated.
        found: Of these, those that were found.
        false: Headings found where none is annotated.
        named: Of those found, the ones that a rule gives a name.
        missed: Note and first words of each heading that was not found.
        wrong: Note and words of each false one.
    """

    gold: int
    found: int
    false: int
    named: int
    missed: tuple[tuple[str, str], ...]
    wrong: tuple[tuple[str, str], ...]

    @property
    def recall(self) -> float:
        """Share of the headings that were found."""
        return self.found / self.gold if self.gold else 0.0

    @property
    def false_share(self) -> float:
        """Share of what was found that is no heading."""
        return self.false / (self.found + self.false) if self.found else 0.0


def evaluate_headings(finder: HeadingFinder, gold: str | Path, notes: str | Path) -> HeadingScores:
    """Compare the headings found in notes with those annotated.

    Arguments:
        finder: The finder.
        gold: A line each: path of the note below ``notes`` without ``.txt``, a tab, the offsets at which its
            headings begin, parted by spaces.
        notes: Folder of the notes.

    Raises:
        MedlinkError: A file cannot be read, or a line is not of that form.
    """
    total = right = false = named = 0
    missed: list[tuple[str, str]] = []
    wrong: list[tuple[str, str]] = []
    for name, offsets in _read(gold):
        text = read_text(Path(notes) / f"{name}.txt")
        found = {heading.start: heading for heading in finder.find(text)}
        total += len(offsets)
        right += len(offsets & found.keys())
        false += len(found.keys() - offsets)
        named += sum(found[start].rule is not None for start in offsets & found.keys())
        missed += [(name, text[start : start + 40].split("\n")[0]) for start in sorted(offsets - found.keys())]
        wrong += [(name, text[start : found[start].end]) for start in sorted(found.keys() - offsets)]
    return HeadingScores(total, right, false, named, tuple(missed), tuple(wrong))


def _read(path: str | Path) -> Iterator[tuple[str, set[int]]]:
    for number, line in enumerate(read_text(str(path)).splitlines(), 1):
        name, tab, rest = line.partition("\t")
        if not tab or not all(part.isdigit() for part in rest.split()):
            raise MedlinkError(f"{path}, line {number}: a path, a tab and offsets are needed")
        yield name, {int(part) for part in rest.split()}
