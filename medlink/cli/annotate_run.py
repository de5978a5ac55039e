"""``medlink annotate --out``: a run over any number of documents, its progress and its report."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from medlink.bulk.folder import RunFolder, read_manifest, write_whole
from medlink.bulk.plan import cut
from medlink.bulk.report import Totals, total, write_report
from medlink.bulk.run import Engine, Plan, RunSettings, plan_run, run
from medlink.errors import MedlinkError
from medlink.formats.sources import Source

_REPORT = "report.html"


def annotate_run(settings: RunSettings, out: Path, workers: str, engine: str, dry_run: bool) -> None:
    """Run, or go on with a run, and show how far it is.

    Arguments:
        settings: What decides the output.
        out: The run's folder.
        workers: How many workers, or ``auto``.
        engine: ``local`` or ``ray``.
        dry_run: Whether only to say what would be done.

    Raises:
        MedlinkError: The run cannot be begun or gone on with.
    """
    console = Console(stderr=True, highlight=False)
    plan = plan_run(settings, out)
    count = _workers(workers)
    chosen = _engine(engine)
    if dry_run:
        _describe(console, plan, settings, out, count, engine)
        return
    with _stop_on_signal(console) as stopped, _Bar(console) as bar:
        run(plan, out, chosen, count, started=bar.started, done=bar.done, stopped=stopped)
        totals, seconds = bar.totals, bar.seconds
    if stopped():
        console.print(f"stopped after {totals.documents + totals.failed:,} documents; run the same command to go on")
        raise KeyboardInterrupt
    _finish(console, out, totals, seconds)


def _finish(console: Console, out: Path, new: Totals, seconds: float) -> None:
    """Write the report of a run that is done, and say what came out."""
    manifest = read_manifest(out)
    with RunFolder(out, manifest, []) as folder:
        totals = total(folder.entries())
        # The rate is that of what was done in this go.
        clock = seconds if new.documents == totals.documents else 0.0
        write_whole(out / _REPORT, write_report(out, manifest, totals, folder.entries(), clock).encode())
    mentions = sum(totals.mentions.values())
    console.print(f"{totals.documents:,} documents, {mentions:,} mentions, {len(totals.concepts):,} concepts in {out}")
    if new.documents:
        console.print(f"{new.documents / max(seconds, 1e-9):,.1f} documents a second; see {out / _REPORT}")
    for encoding, count in sorted(totals.encodings.items()):
        if encoding != "utf-8":
            console.print(f"{count:,} were not UTF-8 and were read as {encoding}", style="yellow")
    if totals.failed:
        console.print(f"{totals.failed:,} failed; the reasons are in {out / 'quarantine'}", style="yellow")


class _Bar:
    """The progress of a run: documents, mentions, failures, rate, time left."""

    def __init__(self, console: Console) -> None:
        self.totals = Totals()
        self._began = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[found]}"),
            console=console,
        )
        self._task = self._progress.add_task("annotating", total=None, count="", found="")
        self._before = 0

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def seconds(self) -> float:
        """Since the work began."""
        return time.monotonic() - self._began

    def started(self, folder: RunFolder) -> None:
        """The run's folder is open."""
        known = total(folder.entries()) if folder.finished else Totals()
        self._before = known.documents + known.failed
        sources, settings = folder.sources, folder.manifest["settings"]
        if all(source.single for source in sources):
            documents = len(sources) if settings["sample"] == 1 else _count(sources, settings["sample"])
            self._progress.update(self._task, total=min(documents, settings["limit"] or documents))
        self._progress.update(self._task, completed=self._before)
        self._began = time.monotonic()

    def done(self, entry: dict[str, Any]) -> None:
        """A shard is done."""
        # For the bar alone: the report counts from the ledger.
        self.totals.documents += entry["documents"]
        self.totals.failed += entry["failed"]
        self.totals.mentions.update(entry["mentions"])
        documents = self._before + self.totals.documents + self.totals.failed
        failed = f", {self.totals.failed:,} failed" if self.totals.failed else ""
        self._progress.update(
            self._task,
            completed=documents,
            count=f"{documents:,} documents",
            found=f"{sum(self.totals.mentions.values()):,} mentions{failed}",
        )


class _Rate(ProgressColumn):
    """Documents a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.1f}/s" if task.speed else "")


def _count(sources: list[Source], sample: float) -> int:
    return sum(len(task) for task in cut(sources, 1000, sample=sample))


@contextmanager
def _stop_on_signal(console: Console) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C finish the shards at work, and the second end them."""
    wanted = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal wanted
        if wanted:
            os._exit(130)  # what the workers had begun is done again by the next run
        wanted = True
        console.print("stopping; what is at work is finished first (again to stop at once)")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: wanted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _workers(wanted: str) -> int:
    if wanted == "auto":
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not wanted.isdigit() or int(wanted) < 1:
        raise MedlinkError(f"workers must be 'auto' or a number of at least 1, not {wanted!r}")
    return int(wanted)


def _engine(name: str) -> Engine:
    if name == "ray":
        try:
            from medlink.bulk.ray import run_ray
        except ImportError as error:
            raise MedlinkError(f"the engine ray needs the package {error.name}; pip install medlink[bulk]") from None
        return run_ray
    from medlink.bulk.local import run_local

    return run_local


def _describe(console: Console, plan: Plan, settings: RunSettings, out: Path, workers: int, engine: str) -> None:
    """Say what a run would do."""
    sources = plan.sources or settings.find()
    formats = sorted({source.format for source in sources})
    console.print(f"{len(sources):,} files ({', '.join(formats)}), shards of {plan.manifest['shard']} documents")
    console.print(f"{settings.model} ({plan.manifest['model']['checksum']}), {workers} workers, engine {engine}")
    console.print(f"into {out} as {settings.format}; nothing was annotated (--dry-run)")
