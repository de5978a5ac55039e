"""Writes lists of conditions in which those of a kind are marked: ``{asthma|RESPIRATORY}, gout, low mood``.

Such lists teach GLiNER what kinds of conditions there are: the notes hold few of most. The conditions are the names
that clinicians have for codes of ICD-10-CM (``names.txt``, taken from medlink's own), the kinds are made of ranges of
codes (``kinds.txt``); names that may be of the kind and may not are in no line that asks for it. A tenth of the
categories is held out, with all their names.

Run ``python corpora/condition_kinds/generate.py``: writes ``train.txt`` and ``heldout.txt`` beside this file.
"""

from __future__ import annotations

import random
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

SEED = 20264
FOLDER = Path(__file__).parent
#: Lines of each part.
LINES = {"train": 1600, "heldout": 240}
#: Conditions of the kind, and others, in a line.
OF_KIND, OTHERS = (1, 5), (4, 9)
# Shorter names are abbreviations, which stand for too much.
_SHORTEST = 5
FORMS = (
    ("PMH: ", ", ", "."), ("Past medical history is significant for ", ", ", "."), ("Diagnoses: ", "; ", ""),
    ("She has ", ", ", " and is seen today."), ("Problem list: 1. ", " 2. ", ""), ("He denies ", ", ", "."),
    ("- ", " - ", ""), ("History of ", ", ", "."), ("Assessment: ", "; ", "."), ("ROS: + ", ", ", ""),
    ("", ", ", ""), ("Family history: ", ", ", "."), ("Rule out ", ", ", "."),
    ("Seen for ", ", ", " in the past year."),
    ("Comorbidities include ", ", ", "."), ("The patient was treated for ", ", later for ", "."),
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """A kind of conditions: its key, the codes of it, and the codes and words of what may be of it."""

    key: str
    codes: tuple[str, ...]
    unclear: tuple[str, ...]
    words: re.Pattern[str]

    def holds(self, code: str) -> bool:
        """Whether a code is of the kind."""
        return code.startswith(self.codes)

    def excludes(self, code: str, name: str) -> bool:
        """Whether a name is surely not of the kind."""
        return not code.startswith((*self.codes, *self.unclear)) and not self.words.search(name)


def read_kinds() -> list[Kind]:
    """The kinds."""
    kinds = []
    for line in (FOLDER / "kinds.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            # The words are a pattern, which has bars of its own.
            key, codes, unclear, words = line.split(" | ", 3)
            kinds.append(Kind(key, tuple(codes.split()), tuple(unclear.split()), re.compile(words, re.IGNORECASE)))
    return kinds


def read_names(part: str) -> list[tuple[str, str]]:
    """The codes of a part and their names."""
    names = []
    for line in (FOLDER / "names.txt").read_text("utf-8").splitlines():
        code, _, of_code = line.partition(": ")
        # Of one category, so that no near name of a held-out one is trained.
        if not line.startswith("#") and (zlib.crc32(code[:3].encode()) % 10 == 0) == (part == "heldout"):
            names += [(code, name) for name in of_code.split("; ") if len(name) >= _SHORTEST]
    return names


def write(part: str) -> list[str]:
    """The lines of a part, the same ones each time."""
    rng = random.Random(f"{SEED} {part}")
    names = read_names(part)
    kinds = {kind.key: kind for kind in read_kinds()}
    own = {key: [name for code, name in names if kind.holds(code)] for key, kind in kinds.items()}
    others = {key: [name for code, name in names if kind.excludes(code, name)] for key, kind in kinds.items()}
    keys = [key for key in kinds if own[key]]
    lines = []
    for number in range(LINES[part]):
        key = keys[number % len(keys)]
        of_kind = rng.sample(own[key], min(len(own[key]), rng.randint(*OF_KIND)))
        listed = [f"{{{_written(name, rng)}|{key}}}" for name in of_kind]
        listed += [_written(name, rng) for name in rng.sample(others[key], rng.randint(*OTHERS))]
        rng.shuffle(listed)
        before, between, after = rng.choice(FORMS)
        lines.append(before + between.join(listed) + after)
    return lines


def _written(name: str, rng: random.Random) -> str:
    """A name as it may be written."""
    return rng.choice((name, name, name, name[0].upper() + name[1:], name.upper()))


def main() -> None:
    """Write both parts."""
    for part in LINES:
        lines = write(part)
        (FOLDER / f"{part}.txt").write_text("\n".join(lines) + "\n", "utf-8")
        print(f"{part}: {len(lines)} lines")


if __name__ == "__main__":
    main()
