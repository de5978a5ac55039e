"""How well assertions are decided: on text marked by hand, and on the sentences of the NegEx and ConText corpora."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from medlink.assertion.values import DIMENSIONS
from medlink.errors import MedlinkError
from medlink.evaluation.marked import MarkedMention, docs_with_mentions, parse_marked
from medlink.formats.text import read_text
from medlink.models import blank_pipeline

_COMPONENTS = ("medlink_sections", "medlink_sentences", "medlink_assertion")
# What the columns of the ConText corpus say, in medlink's words.
_COLUMNS = {
    "Negated": "absent",
    "Affirmed": "present",
    "Possible": "possible",
    "Historical": "historical",
    "Recent": "current",
    "Not particular": "hypothetical",
    "Patient": "patient",
    "Family member": "family",
    "Other": "other",
}


@dataclass(slots=True)
class AssertionScores:
    """Decisions counted over mentions.

    Arguments:
        mentions: How many there are.
        right: By dimension, and for "all" three at once, how many are right.
        pairs: How often a gold value was decided as another: by (gold, decided).
        wrong: The words around each mention decided wrong, its gold assertion and the decided one.
    """

    mentions: int = 0
    right: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str]] = field(default_factory=list)

    def f1(self, value: str) -> tuple[float, float, float]:
        """Precision, recall and F1 of one value, as "absent"."""
        found = sum(count for (_, decided), count in self.pairs.items() if decided == value)
        gold = sum(count for (wanted, _), count in self.pairs.items() if wanted == value)
        both = self.pairs[value, value]
        return both / found if found else 0.0, both / gold if gold else 0.0, 2 * both / (found + gold) if both else 0.0


def evaluate_marked(paths: Iterable[str | Path], *, by_line: bool) -> AssertionScores:
    """Score texts marked as :mod:`medlink.evaluation.marked` says.

    Arguments:
        paths: The files.
        by_line: Whether each line is a document of its own, as in files of sentences.

    Raises:
        MedlinkError: A file cannot be read, or a mark is wrong.
    """
    texts: list[tuple[str, list[MarkedMention]]] = []
    for path in paths:
        text = read_text(str(path))
        texts += [parse_marked(part) for part in (text.splitlines() if by_line else [text]) if part.strip()]
    return _score(texts)


def evaluate_corpus(path: str | Path) -> AssertionScores:
    """Score a file of the NegEx or ConText corpus: tab-separated, concept, sentence, negation, and for ConText more.

    A concept that its sentence does not hold is left out; of several occurrences the first in capitals counts.

    Raises:
        MedlinkError: The file cannot be read or has other columns.
    """
    rows = list(csv.reader(io.StringIO(read_text(str(path))), delimiter="\t"))
    if not rows or len(rows[0]) not in (4, 6):
        raise MedlinkError(f"{path}: a file of the NegEx or ConText corpus has four or six columns, tab-separated")
    return _score([found for row in rows[1:] if (found := _row(row)) is not None])


def _row(row: list[str]) -> tuple[str, list[MarkedMention]] | None:
    pattern = re.escape(row[1].strip().upper()).replace(r"\ ", r"\s+")
    match = re.search(pattern, row[2]) or re.search(pattern, row[2].upper())
    if match is None:
        return None
    values = [_COLUMNS.get(value, "") for value in row[3:]] + ["", ""]
    gold = (values[0], values[1], values[2])
    return row[2], [MarkedMention(match.start(), match.end(), "CONDITION", gold)]


def _score(texts: list[tuple[str, list[MarkedMention]]]) -> AssertionScores:
    scores = AssertionScores()
    for doc, (text, mentions) in zip(docs_with_mentions(blank_pipeline(*_COMPONENTS), texts), texts, strict=True):
        for mention in mentions:
            entity = next(one for one in doc.ents if one.start_char <= mention.start < one.end_char)
            assertion = entity._.assertion
            decided = [getattr(assertion, dimension) for dimension in DIMENSIONS]
            # A corpus that does not annotate a dimension has no value for it.
            pairs = [(gold, found) for gold, found in zip(mention.assertion, decided, strict=True) if gold]
            scores.mentions += 1
            scores.pairs.update(pairs)
            scores.right.update(
                dimension
                for dimension, gold, found in zip(DIMENSIONS, mention.assertion, decided, strict=True)
                if gold == found
            )
            if all(gold == found for gold, found in pairs):
                scores.right["all"] += 1
            else:
                around = text[max(0, mention.start - 60) : mention.end + 40].replace("\n", " ")
                scores.wrong.append((around, " ".join(filter(None, mention.assertion)), " ".join(decided)))
    return scores
