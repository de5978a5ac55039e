"""Writes the synthetic clinical notes: versions of the source notes, each with other words, numbers and habits.

The source notes were written by hand for medlink, with their mentions marked. In each version a part of the conditions
is replaced by another name of the same ICD-10-CM code or by a neighbour in its hierarchy, so that rare ones appear;
drugs, tests, procedures, devices, body parts and genes by others of their kind (``source/variants.txt``); all of them
in training notes also by any of their label (``source/terms.txt``, ``source/conditions.txt``), fitting or not, for a
reader to learn the words. Numbers, people and dates change; some versions have typing errors, capitals throughout,
short lines, one line, bullets, clipped words or an older note copied below. Versions too much like one another are
thrown out.

Run ``python corpora/clinical_notes/generate.py``: writes ``train/`` and ``heldout/`` beside this file, a marked note a
file. The held-out notes come from sources of their own, and what is put into them is not put into training notes.
``python corpora/clinical_notes/generate.py --further 8 build/further_notes`` writes eight further versions of each
training note, not compared with others, for a training that has the time to read them.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from medlink import Terminology
from medlink.models import find_model

SEED = 20261
#: Versions of each source note.
VERSIONS = {"train": 4, "heldout": 15}
#: Share of word triples that two notes of a part may have in common.
ALIKE = {"train": 0.67, "heldout": 0.75}
FOLDER = Path(__file__).parent
LETTERS = {"D": "DRUG", "P": "PROCEDURE", "M": "MEASUREMENT", "A": "ANATOMY", "V": "DEVICE", "G": "GENE"}
#: How often a mention is replaced.
REPLACED = {"CONDITION": 0.35, "DRUG": 0.5, "GENE": 0.5}
_REPLACED_ELSE = 0.35
#: How often what stands for a mention of a training note is any word of its label.
_ANY = 0.6

FIRST = """Harold Mary Jamal Elin Priya Tomas Aiko Grace Oluwaseun Peter Ingrid Carlos Fatima Wei Dolores Vincent Nadia
Samuel Ruth Kofi Helena Marcus Yusuf Beatrice Arjun Colleen Dmitri Esther Felix Gloria Hassan Irene Sean Mei Anders
Rosa Leon Tamar Hugo Winnie Abel Chioma Noor Pavel""".split()
LAST = """Vance Okafor Lindqvist Prydderch Adeyemi Novak Tanaka Moreau Silva Whitfield Baptiste Kowalski Rahman Delgado
Osei Petrov Hughes Nakamura Bianchi Mbeki Thornton Ferrari Castellano Odum Winters Abara Lund Macias Pruitt Yates
Zeller Holt Crohn Parkinson Graves Hodgkin Barrett Addison Marsh Bell Stone Burns Payne Akers""".split()
CLIPPED = [
    ("with", "w/"), ("without", "w/o"), ("patient", "pt"), ("history", "hx"), ("Patient", "Pt"), ("History", "Hx"),
    ("daily", "qd"), ("twice daily", "BID"), ("follow-up", "f/u"), ("weeks", "wks"), ("months", "mos"),
    ("left", "L"), ("right", "R"), ("bilateral", "b/l"), ("years", "yrs"), ("secondary to", "2/2"), ("normal", "nl"),
]  # fmt: skip
_MARK = re.compile(r"\{([^{}|]*)(?:\|([^{}]*))?\}")
_CHOICE = re.compile(r"\[\[(.*?)\]\]", re.S)
_SLOT = re.compile(r"\$(AGE|YEAR|DATE|F|L|N)")
# Numbers that may be others: not years, doses, dates, decimals' parts or what belongs to a word.
_NUMBER = re.compile(
    r"(?<![\w./:^-])\d{2,3}(?![\w./:%-]|\.\d| ?(?:mg|mcg|units|g\b|mL|IU|Fr|F\b|Gy|BID|TID|QID|bid|tid|daily|q\d|qHS))"
)
_UNFIT_NAME = re.compile(
    r"unspecified|other|not elsewhere|NEC|NOS|encounter|sequela|classified|due to|following|[\[\](),;:/]|\d{2}", re.I
)
_WORDS_OF_NAME = 5


@dataclass(frozen=True)
class Piece:
    """A stretch of a note: plain text, or a mention."""

    text: str
    label: str = ""
    words: tuple[str, ...] = ()
    code: str = ""

    def marked(self) -> str:
        """As it stands in a marked note."""
        if not self.label:
            return self.text
        label = () if self.label == "CONDITION" else (self.label,)
        attributes = " ".join([*label, *self.words, *([self.code] if self.code else [])])
        return f"{{{self.text}|{attributes}}}" if attributes else f"{{{self.text}}}"


def read_lists(name: str) -> Iterator[tuple[str, list[str]]]:
    """The lines of a file of the sources: what stands before the colon, and the words behind it."""
    for line in (FOLDER / "source" / name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            head, _, words = line.partition(": ")
            yield head, [word.strip() for word in words.split(";")]


def read_codes() -> dict[str, str]:
    """From the words of a condition, lower-cased, to its code, which is "" where it has none."""
    lists = read_lists("codes.txt")
    return {name.lower(): code.removeprefix("-") for code, names in lists for name in names}


def read_variants(part: str) -> dict[tuple[str, str], list[str]]:
    """From a label and a word, lower-cased, to what may stand for it; each part puts in one half of a line's words."""
    variants = {}
    for label, kinds in read_lists("variants.txt"):
        own = [kind for i, kind in enumerate(kinds) if len(kinds) < 4 or (i % 4 == 3) == (part == "heldout")]
        variants.update({(label, kind.lower()): own for kind in kinds})
    return variants


def read_terms() -> dict[str, list[tuple[str, str]]]:
    """By label, what may stand for any of its mentions in training notes, with codes, which only conditions have.

    No word that is put into held-out notes is among them.
    """
    kept = {(label, word.lower()) for (label, _), words in read_variants("heldout").items() for word in words}
    lists = read_lists("terms.txt")
    terms = {label: [(word, "") for word in words if (label, word.lower()) not in kept] for label, words in lists}
    return terms | {"CONDITION": [(name, code) for code, names in read_lists("conditions.txt") for name in names]}


def read_sources(part: str) -> list[str]:
    """The source notes of a part."""
    notes = []
    for file in sorted((FOLDER / "source" / part).glob("*.txt")):
        notes += [note.partition("\n")[2].strip() for note in file.read_text("utf-8").split("=== ")[1:]]
    return notes


class Neighbours:
    """Names that may stand for a condition: of the same code, or of one beside it in the hierarchy."""

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        # Of the clinicians' names in the terminology only these: names that are added to it later leave the notes be.
        lines = (FOLDER.parent / "clinicians_names.jsonl").read_text("utf-8").splitlines()
        self._clinicians = {record["id"]: frozenset(record["synonyms"]) for record in map(json.loads, lines)}
        self._below: dict[int, list[int]] = defaultdict(list)
        for row, concept in enumerate(terminology):
            for parent in concept.parents:
                above = terminology.row(parent)
                if above is not None:
                    self._below[above].append(row)

    def of(self, code: str, rng: random.Random) -> tuple[str, str] | None:
        """A name and its code, or None where there is none that a clinician would write."""
        row = self._terminology.row(code)
        if row is None:
            return None
        rows = [row]
        if rng.random() < 0.6:
            for parent in self._terminology.concept(row).parents:
                above = self._terminology.row(parent)
                if above is not None:
                    rows = [one for one in self._below[above] if not self._below[one]] or rows
        concept = self._terminology.concept(rng.choice(rows))
        known = self._clinicians.get(concept.concept_id, frozenset())
        names = [concept.name, *(one.text for one in concept.aliases if one.scope != "exact" or one.text in known)]
        fit = [n for n in names if n.isascii() and not _UNFIT_NAME.search(n) and len(n.split()) <= _WORDS_OF_NAME]
        return (rng.choice(fit), concept.concept_id) if fit else None


class Writer:
    """Writes versions of source notes.

    Arguments:
        part: ``"train"`` or ``"heldout"``.
        neighbours: Names that may stand for a condition.
    """

    def __init__(self, part: str, neighbours: Neighbours) -> None:
        self.sources = read_sources(part)
        self._part = part
        self._variants = read_variants(part)
        self._terms = read_terms() if part == "train" else {}
        self._neighbours = neighbours
        self._rng = random.Random()
        self._codes = read_codes()
        # Of the note at work: people, the way of dates, and what is replaced by what.
        self._people: dict[str, str] = {}
        self._dates = 0
        self._instead: dict[tuple[str, str], tuple[str, str]] = {}

    def write(self, source: str, version: int) -> str:
        """A version of a source note, marked; it does not depend on how many others there are.

        Arguments:
            source: The source note.
            version: Its number. In the first one, 0, no mention is replaced and the writing is left as it is.
        """
        rng = self._rng
        rng.seed(f"{SEED} {self._part} {version} {source}")
        source = _CHOICE.sub(lambda found: rng.choice(found[1].split("||")), source)
        self._dates = rng.randrange(4)
        self._people = {"F": rng.choice(FIRST), "L": rng.choice(LAST), "AGE": str(rng.randint(19, 91))}
        pieces = [self._fill(piece) for piece in self._pieces(source)]
        if version:
            self._instead.clear()
            pieces = [self._replace(piece) for piece in pieces]
            pieces = self._style(pieces)
        text = "".join(piece.marked() for piece in pieces)
        return text.strip() + "\n"

    def _pieces(self, source: str) -> list[Piece]:
        pieces = []
        at = 0
        for mark in _MARK.finditer(source):
            pieces.append(Piece(source[at : mark.start()]))
            words = (mark[2] or "").split()
            label = next((LETTERS[word] for word in words if word in LETTERS), "CONDITION")
            code = self._codes[mark[1].lower()] if label == "CONDITION" else ""
            pieces.append(Piece(mark[1], label, tuple(word for word in words if word not in LETTERS), code))
            at = mark.end()
        return [*pieces, Piece(source[at:])]

    def _fill(self, piece: Piece) -> Piece:
        return piece if piece.label else replace(piece, text=_SLOT.sub(self._slot, piece.text))

    def _slot(self, found: re.Match[str]) -> str:
        rng = self._rng
        if found[1] in self._people:
            # A doctor is someone else than the patient.
            doctor = found.string[max(0, found.start() - 4) : found.start()] in ("Dr. ", " Dr ")
            return rng.choice(LAST) if doctor else self._people[found[1]]
        day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(2015, 2025)
        dates = (
            f"{month:02}/{day:02}/{year}",
            f"{year}-{month:02}-{day:02}",
            f"{day}.{month}.{year}",
            f"{month}/{day}",
        )
        return {"DATE": dates[self._dates], "YEAR": str(year), "N": str(rng.randint(10**6, 10**7))}[found[1]]

    def _replace(self, piece: Piece) -> Piece:
        rng = self._rng
        if not piece.label:
            return replace(piece, text=_NUMBER.sub(self._number, piece.text))
        # What a note says twice, it says twice in its version.
        key = (piece.label, piece.text.lower())
        if key not in self._instead:
            often = REPLACED.get(piece.label, _REPLACED_ELSE)
            self._instead[key] = self._other(piece) if rng.random() < often else (piece.text, piece.code)
        text, code = self._instead[key]
        return replace(piece, text=_cased_like(piece.text, text), code=code)

    def _other(self, piece: Piece) -> tuple[str, str]:
        """Another name, and its code, for a mention."""
        if self._terms and self._rng.random() < _ANY:
            return self._rng.choice(self._terms[piece.label])
        if piece.label != "CONDITION":
            return self._rng.choice(self._variants.get((piece.label, piece.text.lower()), [piece.text])), ""
        found = self._neighbours.of(piece.code, self._rng) if piece.code else None
        if found is None:
            return piece.text, piece.code
        # As the code list writes names, but for what is no word ("IgA").
        return " ".join(word.lower() if word.istitle() else word for word in found[0].split()), found[1]

    def _number(self, found: re.Match[str]) -> str:
        number = int(found[0])
        return str(max(1, round(number * self._rng.uniform(0.85, 1.15))))

    def _style(self, pieces: list[Piece]) -> list[Piece]:
        rng = self._rng
        habit = rng.choice(
            ["plain", "plain", "clipped", "typing", "capitals", "small", "short lines", "one line", "bullets", "copied"]
        )
        if habit == "clipped":
            chosen = rng.sample(CLIPPED, 8)
            for long, short in chosen:
                pattern = re.compile(rf"\b{re.escape(long)}\b")
                pieces = [p if p.label else replace(p, text=pattern.sub(short, p.text)) for p in pieces]
        elif habit == "typing":
            pieces = [replace(p, text=self._mistyped(p.text)) for p in pieces]
        elif habit == "capitals":
            pieces = [replace(p, text=p.text.upper()) for p in pieces]
        elif habit == "small":
            pieces = [replace(p, text=p.text.lower()) for p in pieces]
        elif habit == "short lines":
            pieces = _short_lines(pieces, rng.randint(50, 80))
        elif habit == "one line":
            pieces = [replace(p, text=re.sub(r"\n+", " ", p.text)) for p in pieces]
        elif habit == "bullets":
            pieces = [replace(p, text=re.sub(r"\n(?!\n)", "\n• ", p.text)) for p in pieces]
        elif habit == "copied":
            older = [self._fill(piece) for piece in self._pieces(_CHOICE.sub(_first_choice, rng.choice(self.sources)))]
            lines = rng.randint(3, 6)
            pieces = [*pieces, Piece("\n\n----- copied from earlier note -----\n"), *_first_lines(older, lines)]
        return pieces

    def _mistyped(self, text: str) -> str:
        """A text with a letter left out, doubled or exchanged in one of some thirty longer words."""
        words = re.split(r"(\s+)", text)
        for i, word in enumerate(words):
            if len(word) > 5 and word.isalpha() and self._rng.random() < 1 / 30:
                at = self._rng.randint(1, len(word) - 2)
                way = self._rng.choice(["less", "twice", "exchanged"])
                middle = {"less": "", "twice": word[at] * 2, "exchanged": word[at + 1] + word[at]}[way]
                words[i] = word[:at] + middle + word[at + (2 if way == "exchanged" else 1) :]
        return "".join(words)


def _cased_like(old: str, new: str) -> str:
    """A name with the capitals of the one that it stands for."""
    if len(old) > 5 and old.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() and not old[:2].isupper() else new


def _first_choice(found: re.Match[str]) -> str:
    return found[1].split("||")[0]


def _first_lines(pieces: list[Piece], count: int) -> list[Piece]:
    """The first lines of a note."""
    kept = []
    for piece in pieces:
        lines = piece.text.split("\n")
        if len(lines) > count:
            return [*kept, replace(piece, text="\n".join(lines[:count]))]
        count -= len(lines) - 1
        kept.append(piece)
    return kept


def _short_lines(pieces: list[Piece], width: int) -> list[Piece]:
    """A note whose lines are broken at a width, inside mentions too."""
    at = 0
    result = []
    for piece in pieces:
        text = ""
        for part in re.split(r"(\s)", piece.text):
            if part == "\n":
                at = 0
            elif part == " " and at >= width:
                part, at = "\n", 0
            else:
                at += len(part)
            text += part
        result.append(replace(piece, text=text))
    return result


def triples(text: str) -> frozenset[tuple[str, ...]]:
    """The runs of three words of a text."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(zip(words, words[1:], words[2:], strict=False))


class Seen:
    """Texts by their :func:`triples`, so that those alike are found without a look at all."""

    def __init__(self) -> None:
        self._texts_with: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._sizes: list[int] = []

    def add(self, own: frozenset[tuple[str, ...]]) -> None:
        """Add a text."""
        for one in own:
            self._texts_with[one].append(len(self._sizes))
        self._sizes.append(len(own))

    def has_alike(self, own: frozenset[tuple[str, ...]], share: float) -> bool:
        """Whether a text and one of these have more than a share of all the triples of both in common."""
        common = Counter(chain.from_iterable(self._texts_with.get(one, ()) for one in own))
        return any(count > share * (len(own) + self._sizes[text] - count) for text, count in common.items())


def generate(part: str, terminology: Terminology) -> list[str]:
    """The marked notes of a part, the same ones each time."""
    writer = Writer(part, Neighbours(terminology))
    notes: list[str] = []
    seen = Seen()
    for source in writer.sources:
        for version in range(VERSIONS[part]):
            note = writer.write(source, version)
            own = triples(_MARK.sub(lambda found: found[1], note))
            if not seen.has_alike(own, ALIKE[part]):
                notes.append(note)
                seen.add(own)
    return notes


def write_notes(folder: Path, notes: list[str]) -> None:
    """Write a file for each note, into a folder that is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for i, note in enumerate(notes, 1):
        (folder / f"{i:03}.txt").write_text(note, "utf-8")
    print(f"{folder.name}: {len(notes)} notes")


def main() -> None:
    """Write both parts, or further versions of the training notes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--further", nargs=2, metavar=("VERSIONS", "FOLDER"), help="write further training notes there")
    versions, folder = parser.parse_args().further or ("", "")
    if versions and (not versions.isdigit() or (Path(folder).exists() and any(Path(folder).iterdir()))):
        parser.error("VERSIONS must be a number, and FOLDER a new or an empty one")
    terminology = Terminology.load(find_model("en_medlink_sm") / "medlink_linker" / "terminologies" / "icd10cm")
    if versions:
        writer, first = Writer("train", Neighbours(terminology)), VERSIONS["train"]
        numbers = range(first, first + int(versions))
        write_notes(Path(folder), [writer.write(source, i) for source in writer.sources for i in numbers])
        return
    for part in VERSIONS:
        write_notes(FOLDER / part, generate(part, terminology))


if __name__ == "__main__":
    main()
