"""How well attributes are read from lines annotated by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medlink.attributes.values import Frequency, Quantity, Term
from medlink.errors import MedlinkError
from medlink.evaluation.marked import MarkedMention, docs_with_mentions, parse_marked
from medlink.formats.text import read_text
from medlink.models import blank_pipeline


@dataclass(slots=True)
class AttributeScores:
    """How many gold attributes were read right, by name, with those that were not.

    Arguments:
        right: By attribute.
        gold: By attribute.
        wrong: Line, attribute, gold and what was read.
    """

    right: Counter[str] = field(default_factory=Counter)
    gold: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, str, str]] = field(default_factory=list)


def evaluate_attributes(path: str | Path) -> AttributeScores:
    """Compare the attributes of gold mentions with the gold attributes.

    Arguments:
        path: A line each: the text with its mentions marked, a tab, ``name=value`` pairs parted by semicolons,
            those of further mentions behind ``||``. "none" is the value of what is not there.

    Raises:
        MedlinkError: The file cannot be read or a line is not of that form.
    """
    scores = AttributeScores()
    lines = list(_read(path))
    nlp = blank_pipeline("medlink_sentences", "medlink_attributes")
    docs = docs_with_mentions(nlp, [(text, mentions) for text, mentions, _ in lines])
    for doc, (text, _, gold) in zip(docs, lines, strict=True):
        for entity, wanted in zip(doc.ents, gold, strict=True):
            for name, value in wanted.items():
                found = _written(getattr(entity._.attributes, name, None))
                scores.gold[name] += 1
                scores.right[name] += found == value
                if found != value:
                    scores.wrong.append((text, name, value, found))
    return scores


def _read(path: str | Path) -> Iterator[tuple[str, list[MarkedMention], list[dict[str, str]]]]:
    for number, line in enumerate(read_text(str(path)).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        marked, tab, rest = line.partition("\t")
        text, mentions = parse_marked(marked)
        gold = [dict(pair.strip().split("=", 1) for pair in part.split(";")) for part in rest.split("||")]
        if not tab or len(gold) != len(mentions):
            raise MedlinkError(f"{path}, line {number}: as many groups of attributes are needed as there are mentions")
        yield text, mentions, gold


def _written(value: object) -> str:
    """An attribute as the gold file writes it."""
    if value is None:
        return "none"
    if isinstance(value, Term):
        return value.value
    if isinstance(value, Frequency):
        if not value.times:
            return "as needed"
        if not value.period:
            return "once"
        longest = f"-{value.period_max:g}" if value.period_max else ""
        return f"{value.times}/{value.period:g}{longest}{value.unit}"
    if isinstance(value, Quantity):
        high = f"-{value.high:.10g}" if value.high is not None else ""
        return f"{value.value:.10g}{high} {value.unit}".strip()
    return str(value)
