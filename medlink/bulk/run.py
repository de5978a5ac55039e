"""A run: documents of any number annotated into a folder, gone on with where it was cut off."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import fsspec

import medlink
from medlink.bulk.folder import RunFolder, read_manifest
from medlink.bulk.output import check_format
from medlink.bulk.plan import Task, cut, shard_size
from medlink.errors import MedlinkError
from medlink.formats.sources import Columns, Source, find_sources
from medlink.models import DEFAULT_MODEL, find_model
from medlink.terminology.catalog import find_terminology
from medlink.terminology.columns import MANIFEST

#: Runs shards: the shards, the run's folder, its manifest, the workers, and whether to stop.
Engine = Callable[
    [Iterable[Task], Path, Mapping[str, Any], int, Callable[[], bool]],
    Iterator[dict[str, Any]],
]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What decides the output of a run.

    Arguments:
        places: Files, folders, globs, archives or URLs.
        model: Installed pipeline package, or the folder of one.
        format: Format of the output.
        input_format: Format of the files; "" to tell it by their names.
        encoding: Encoding of the files, or ``auto``.
        columns: Which columns of tables hold what.
        limit: Most documents; None for all.
        sample: Share of the documents that are taken, above 0 and up to 1, always the same ones.

    Raises:
        MedlinkError: A setting is out of its range.
    """

    places: Sequence[str]
    model: str = DEFAULT_MODEL
    format: str = "jsonl"
    input_format: str = ""
    encoding: str = "utf-8"
    columns: Columns = field(default_factory=Columns)
    limit: int | None = None
    sample: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.sample <= 1:
            raise MedlinkError(f"sample must be above 0 and at most 1, not {self.sample}")
        if self.limit is not None and self.limit < 1:
            raise MedlinkError(f"limit must be at least 1, not {self.limit}")
        if "-" in self.places:
            raise MedlinkError("standard input cannot be read again where a run was cut off; write it to a file first")

    def find(self) -> list[Source]:
        """The files.

        Raises:
            MedlinkError: A place does not exist or holds no documents.
        """
        return find_sources(self.places, format=self.input_format, columns=self.columns, encoding=self.encoding)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run before it begins: its files and its manifest."""

    sources: list[Source]
    manifest: dict[str, Any]


def plan_run(settings: RunSettings, out: Path) -> Plan:
    """Find the files of a run, and what its results depend on.

    Arguments:
        settings: What decides the output.
        out: The run's folder; where it holds a run, that one's files and shards are taken.

    Raises:
        MedlinkError: There are no such files, no such model or format, or no run of this version in the folder.
    """
    check_format(settings.format)
    known = read_manifest(out)
    sources = [] if known else settings.find()
    model = find_model(settings.model)
    manifest = {
        "medlink": medlink.__version__,
        "date": date.today().isoformat(),
        "settings": {**asdict(settings), "places": list(settings.places)},
        "model": {"name": settings.model, "checksum": _checksum(model), "terminologies": _terminologies(model)},
        "shard": known["shard"] if known else shard_size(sources, [_size(one) for one in sources]),
    }
    return Plan(sources, manifest)


def run(
    plan: Plan,
    out: Path,
    engine: Engine,
    workers: int,
    *,
    started: Callable[[RunFolder], None] = lambda folder: None,
    done: Callable[[dict[str, Any]], None] = lambda entry: None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Annotate what is left of a run.

    Arguments:
        plan: The run.
        out: Its folder.
        engine: What runs the shards.
        workers: How many workers.
        started: Called with the folder before work begins.
        done: Called with the line in the ledger of each shard.
        stopped: Whether no further shards are to be begun.

    Raises:
        MedlinkError: The folder cannot be written or belongs to another run, or the workers fail.
    """
    with RunFolder(out, plan.manifest, plan.sources) as folder:
        settings = folder.manifest["settings"]
        started(folder)
        tasks = cut(
            folder.sources,
            folder.manifest["shard"],
            limit=settings["limit"],
            sample=settings["sample"],
            finished=frozenset(folder.finished),
        )
        for entry in engine(tasks, out, folder.manifest, workers, stopped):
            folder.finish(entry)
            done(entry)
        folder.tidy()  # a worker that ended may have left half a file


def _checksum(folder: Path) -> str:
    """A checksum of all files of a pipeline."""
    digest = hashlib.sha256()
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _terminologies(model: Path) -> dict[str, str]:
    """The checksums of the terminologies that a pipeline finds by name, outside its own folder."""
    from spacy.util import load_config

    found = {}
    for component, values in load_config(model / "config.cfg").get("components", {}).items():
        for name in values.get("terminologies", ()):
            if not (model / component / "terminologies" / str(name)).exists():
                manifest = find_terminology(name) / MANIFEST
                found[str(name)] = hashlib.sha256(manifest.read_bytes()).hexdigest()[:16]
    return found


def _size(source: Source) -> int:
    """Bytes of a file; 0 where they are not told."""
    if source.single:
        return 0
    try:
        system, path = fsspec.core.url_to_fs(source.path)
        return int(system.size(path) or 0)
    except (OSError, ValueError, ImportError):
        return 0
