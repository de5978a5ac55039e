"""The report of a run: what was found, as a page that needs nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import combinations, islice
from pathlib import Path
from typing import Any

from medlink.bulk.folder import QUARANTINE

_TOP = 15
_SLOWEST = 10
_FAILURES = 50

#: Label, terminology, identifier and name of a concept.
Key = tuple[str, str, str, str]


@dataclass(slots=True)
class Totals:
    """What is in the documents of a run; see :func:`medlink.bulk.worker.tell`.

    Arguments:
        documents: Documents that were annotated.
        failed: Documents, and rests of files, that were not.
        mentions: Mentions by label.
        nil: Those of them that were not linked.
        assertions: Mentions by status, temporality and experiencer.
        sections: Mentions by section.
        scores: Mentions by their best candidate's score in tenths.
        concepts: By concept, its mentions.
        said: By concept, the documents that say it of the patient.
        encodings: Documents by the encoding of their files.
        slowest: Identifier, characters and seconds of the slowest documents.
    """

    documents: int = 0
    failed: int = 0
    mentions: Counter[str] = field(default_factory=Counter)
    nil: Counter[str] = field(default_factory=Counter)
    assertions: Counter[str] = field(default_factory=Counter)
    sections: Counter[str] = field(default_factory=Counter)
    scores: Counter[int] = field(default_factory=Counter)
    concepts: Counter[Key] = field(default_factory=Counter)
    said: Counter[Key] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    slowest: list[tuple[str, int, float]] = field(default_factory=list)

    def add(self, entry: dict[str, Any]) -> None:
        """Count a shard."""
        self.documents += entry["documents"]
        self.failed += entry["failed"]
        self.encodings.update(entry["encodings"])
        self.mentions.update(entry["mentions"])
        self.nil.update(entry["nil"])
        self.assertions.update(entry["assertions"])
        self.sections.update(entry["sections"])
        self.scores.update({int(tenth): count for tenth, count in entry["scores"].items()})
        for *key, count, where in entry["concepts"]:
            self.concepts[tuple(key)] += count
            self.said[tuple(key)] += len(where)
        slowest = [*self.slowest, *map(tuple, entry["slowest"])]
        self.slowest = sorted(slowest, key=lambda one: -one[2])[:_SLOWEST]

    def tops(self) -> dict[tuple[str, str], list[tuple[Key, int]]]:
        """By label and terminology, the concepts that most documents say of the patient."""
        found: dict[tuple[str, str], list[tuple[Key, int]]] = {}
        for key, count in sorted(self.said.items(), key=lambda one: (-one[1], one[0])):
            of = found.setdefault(key[:2], [])
            if count and len(of) < _TOP:
                of.append((key, count))
        return {group: of for group, of in sorted(found.items()) if of}


def total(entries: Iterable[dict[str, Any]]) -> Totals:
    """Count all shards of a run."""
    totals = Totals()
    for entry in entries:
        totals.add(entry)
    return totals


def together(entries: Iterable[dict[str, Any]], keys: Iterable[Key]) -> Counter[tuple[Key, Key]]:
    """In how many documents two of these concepts are said of the patient."""
    order = list(keys)
    pairs: Counter[tuple[Key, Key]] = Counter()
    for entry in entries:
        where = {tuple(key): set(places) for *key, _, places in entry["concepts"] if tuple(key) in order}
        for one, other in combinations(order, 2):
            if both := where.get(one, set()) & where.get(other, set()):
                pairs[one, other] += len(both)
    return pairs


def failures(folder: Path) -> Iterator[tuple[str, str]]:
    """Identifier and reason of what could not be annotated in the run in a folder, in order."""
    for file in sorted((folder / QUARANTINE).glob("part-*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            yield entry["id"], entry["reason"]


def write_report(
    folder: Path, manifest: dict[str, Any], totals: Totals, entries: Iterable[dict[str, Any]], seconds: float
) -> str:
    """The report as HTML.

    Arguments:
        folder: The run's folder.
        manifest: The run's manifest.
        totals: What is in its documents.
        entries: The lines of its ledger.
        seconds: Time of the run by the clock, for the rate; 0 where it was gone on with and is not known.
    """
    from jinja2 import Environment

    tops = totals.tops()
    # Of several terminologies with conditions, the one that most documents are coded in.
    of_conditions = [top for (label, _), top in tops.items() if label == "CONDITION"]
    conditions = [key for key, _ in max(of_conditions, key=lambda top: sum(count for _, count in top), default=[])]
    pairs = together(entries, conditions)
    template = files("medlink.bulk").joinpath("data/report.html").read_text("utf-8")
    return (
        Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        .from_string(template)
        .render(
            manifest=manifest,
            totals=totals,
            seconds=seconds,
            tops=tops,
            conditions=conditions,
            pairs=pairs,
            most=max(pairs.values(), default=1),
            failures=list(islice(failures(folder), _FAILURES)),
        )
    )
