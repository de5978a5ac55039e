"""What a worker of a run does: it annotates a shard, writes its files and tells what was in it."""

from __future__ import annotations

import gc
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc

from medlink.bulk.folder import QUARANTINE, part_name, write_whole
from medlink.bulk.output import OF_DOCS, write_part
from medlink.bulk.plan import Failure, Task, documents, id_of
from medlink.errors import MedlinkError
from medlink.formats.records import DocumentRecord, annotated
from medlink.formats.sources import Source
from medlink.inference import onnx
from medlink.models import load_model

# Documents annotated together, those of about one length.
_BATCH = 32
_SLOWEST = 5


class Made(NamedTuple):
    """An annotated document, as spaCy has it where its format needs that, and the seconds that it took."""

    record: DocumentRecord
    doc: Doc | None
    seconds: float


def load_for_run(model: str) -> Language:
    """Load a pipeline as a worker has it, for as long as the process lives.

    Arguments:
        model: The pipeline, as for :func:`~medlink.models.load_model`.
    """
    # Several processes of one thread do more than one process of several threads.
    onnx.set_threads(1)
    nlp = load_model(model)
    # What is loaded stays: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    return nlp


class Annotator:
    """Annotates shards.

    Arguments:
        folder: The run's folder.
        manifest: The run's manifest.
    """

    def __init__(self, folder: str | Path, manifest: Mapping[str, Any]) -> None:
        self._folder = Path(folder)
        self._format: str = manifest["settings"]["format"]
        self._date: str = manifest["date"]
        self._nlp = load_for_run(manifest["model"]["name"])

    def __call__(self, task: Task, killers: Mapping[int, str] | None = None) -> dict[str, Any]:
        """Annotate a shard and write its files.

        Arguments:
            task: The shard.
            killers: Documents, by their place in the task, that ended a worker, and how; they are put in quarantine.

        Returns:
            Its line in the ledger.

        Raises:
            MedlinkError: Its files cannot be written.
        """
        began = time.perf_counter()
        # What is put into spaCy's store of strings meanwhile is given back at the end.
        with self._nlp.memory_zone():
            results, failures = self.make(task, killers or {})
            records = [one.record for one in results]
            docs = [one.doc for one in results if one.doc is not None]
            try:
                write_part(self._folder / part_name(task.number), records, docs, self._format, self._date)
                if failures:
                    lines = (json.dumps({"id": f.id, "reason": f.reason}, ensure_ascii=False) + "\n" for f in failures)
                    file = self._folder / QUARANTINE / f"{part_name(task.number)}.jsonl"
                    write_whole(file, "".join(lines).encode())
            except OSError as error:
                raise MedlinkError(
                    f"{self._folder}: cannot be written ({error.strerror}); make room and run the same command again"
                ) from None
        slowest = sorted(results, key=lambda one: -one.seconds)[:_SLOWEST]
        return {
            "shard": task.number,
            "documents": len(records),
            "failed": len(failures),
            "seconds": round(time.perf_counter() - began, 3),
            "slowest": [[one.record["id"], len(one.record["text"]), round(one.seconds, 3)] for one in slowest],
            "encodings": dict(Counter(r["metadata"].get("encoding", "utf-8") for r in records)),
            **tell(records),
        }

    def make(self, task: Task, killers: Mapping[int, str]) -> tuple[list[Made], list[Failure]]:
        """Annotate the documents of a shard, and write nothing; arguments as for :meth:`__call__`."""
        failures = list(task.unreadable)
        notes: dict[int, DocumentRecord] = {}
        for i, item in enumerate(task.items):
            if i in killers:
                failures.append(Failure(id_of(item), killers[i]))
                continue
            try:
                notes[i] = next(documents(item)) if isinstance(item, Source) else item
            except MedlinkError as error:
                failures.append(Failure(id_of(item), str(error)))
        made: dict[int, Made] = {}
        for batch in _batches(notes):
            self._annotate(batch, notes, made, failures)
        return [made[i] for i in sorted(made)], failures

    def _annotate(
        self,
        batch: Sequence[int],
        notes: Mapping[int, DocumentRecord],
        made: dict[int, Made],
        failures: list[Failure],
    ) -> None:
        """Annotate documents together; where that fails, each alone, so that one does not take the others along."""
        began = time.perf_counter()
        try:
            docs = list(self._nlp.pipe([notes[i]["text"] for i in batch], batch_size=len(batch)))
            records = [annotated(notes[i], doc) for i, doc in zip(batch, docs, strict=True)]
        except Exception as error:
            if len(batch) > 1:
                for i in batch:
                    self._annotate([i], notes, made, failures)
                return
            failures.append(Failure(notes[batch[0]]["id"], _reason(error)))
            return
        # The time of a batch is shared out by length.
        rate = (time.perf_counter() - began) / max(1, sum(len(notes[i]["text"]) for i in batch))
        for i, doc, record in zip(batch, docs, records, strict=True):
            made[i] = Made(record, doc if self._format in OF_DOCS else None, rate * len(record["text"]))


def tell(records: Sequence[DocumentRecord]) -> dict[str, Any]:
    """What is in documents, as the report counts it.

    Returns:
        ``mentions`` by label, ``nil`` mentions among those that could be linked, ``assertions``, ``sections``,
        ``scores`` of best candidates in tenths, and ``concepts``, of each terminology the best of a mention: for each
        the label, terminology, identifier and name, its mentions, and the numbers of the documents that say it of the
        patient.
    """
    labels: Counter[str] = Counter()
    nil: Counter[str] = Counter()
    assertions: Counter[str] = Counter()
    sections: Counter[str] = Counter()
    scores: Counter[int] = Counter()
    concepts: dict[tuple[str, str, str, str], tuple[int, set[int]]] = {}
    for number, record in enumerate(records):
        for mention in record["mentions"]:
            said = mention["assertion"]
            labels[mention["label"]] += 1
            assertions["/".join((said["status"], said["temporality"], said["experiencer"]))] += 1
            sections[mention["section"]] += 1
            if not mention["concepts"]:
                nil[mention["label"]] += 1
                continue
            scores[min(9, int(mention["concepts"][0]["score"] * 10))] += 1
            best = {one["terminology"]: one for one in reversed(mention["concepts"])}
            for one in best.values():
                key = (mention["label"], one["terminology"], one["concept_id"], one["name"])
                count, where = concepts.setdefault(key, (0, set()))
                if said["status"] == "present" and said["experiencer"] == "patient":
                    where.add(number)
                concepts[key] = (count + 1, where)
    return {
        "mentions": dict(sorted(labels.items())),
        "nil": dict(sorted(nil.items())),
        "assertions": dict(sorted(assertions.items())),
        "sections": dict(sorted(sections.items())),
        "scores": {str(tenth): count for tenth, count in sorted(scores.items())},
        "concepts": [[*key, count, sorted(where)] for key, (count, where) in sorted(concepts.items())],
    }


def _batches(notes: Mapping[int, DocumentRecord]) -> Iterator[list[int]]:
    """Documents of about one length together, the longest first."""
    order = sorted(notes, key=lambda i: (-len(notes[i]["text"]), i))
    for at in range(0, len(order), _BATCH):
        yield order[at : at + _BATCH]


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:500]
