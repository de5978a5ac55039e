"""Bulk annotation measured: what the pipeline costs beside NER, rate with one and two workers, memory over the run.

Notes are put together from paragraphs of real ones (../shared/data/notes, or the examples where that is absent). Run
``python benchmarks/bulk.py --notes 20000``; writes ``bulk-memory.svg``.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from medlink.bulk.worker import load_for_run

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT / ".." / "shared" / "data" / "notes"
MEDLINK = Path(sys.executable).with_name("medlink")
# As in a worker of a run.
BATCH = 32


def recombine(count: int, seed: int = 0) -> list[str]:
    """Notes of which half the paragraphs come from the same place in other notes."""
    files = sorted(SHARED.rglob("*.txt")) or sorted((ROOT / "examples" / "notes").glob("*.txt"))
    notes = [file.read_text("utf-8", "replace").split("\n\n") for file in files]
    rng = Random(seed)
    made = []
    for _ in range(count):
        paragraphs = list(rng.choice(notes))
        for i in range(len(paragraphs)):
            other = rng.choice(notes)
            if rng.random() < 0.5 and i < len(other):
                paragraphs[i] = other[i]
        made.append("\n\n".join(paragraphs))
    return made


class Memory(threading.Thread):
    """Proportional memory of a process and its children, sampled."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(process.pid)
        self.samples: list[tuple[float, float]] = []

    def run(self) -> None:
        """Sample until the process ends."""
        began = time.monotonic()
        while self.process.is_running():
            try:
                family = [self.process, *self.process.children(recursive=True)]
                total = sum(one.memory_full_info().pss for one in family) / 2**20
            except psutil.Error:
                return
            self.samples.append((time.monotonic() - began, total))
            time.sleep(1)


def annotate(notes: Path, out: Path, workers: int, limit: int, model: str) -> tuple[float, list[tuple[float, float]]]:
    """Seconds of a run over the first notes, and its memory over time."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [MEDLINK, "annotate", notes, "--out", out, "--workers", str(workers), "--limit", str(limit), "--model", model]
    )
    memory = Memory(process)
    memory.start()
    if process.wait():
        raise SystemExit("the run failed")
    return time.perf_counter() - began, memory.samples


def remember(
    given: list[tuple[Callable[..., Any], dict[str, np.ndarray]]],
    run: Callable[..., Any],
    names: list[str] | None,
    inputs: dict[str, np.ndarray],
) -> Any:
    """Run a session, and keep what it was given."""
    given.append((run, inputs))
    return run(names, inputs)


def overhead(texts: list[str], model: str) -> list[tuple[float, float]]:
    """Notes a second of the whole pipeline, and of the bare sessions of its token classifier, with one thread.

    The sessions are given again, after each batch, what they were given in the pipeline.

    Returns:
        Both for the first half of the texts, and for the second, when the linker knows the commonest mentions.
    """
    nlp = load_for_run(model)
    given: list[tuple[Callable[..., Any], dict[str, np.ndarray]]] = []
    for session in nlp.get_pipe("medlink_ner").model.sessions:
        session.run = partial(remember, given, session.run)
    rates = []
    for half in (texts[::2], texts[1::2]):
        whole = alone = 0.0
        half = sorted(half, key=len)
        for at in range(0, len(half), BATCH):
            given.clear()
            began = time.perf_counter()
            list(nlp.pipe(half[at : at + BATCH], batch_size=BATCH))
            whole += time.perf_counter() - began
            began = time.perf_counter()
            for run, inputs in given:
                run(None, inputs)
            alone += time.perf_counter() - began
        rates.append((len(half) / whole, len(half) / alone))
    return rates


def growth(samples: list[tuple[float, float]]) -> float:
    """By how much the mean memory of a run's last third exceeds that of the third before."""
    values = [value for _, value in samples]
    third = max(1, len(values) // 3)
    return mean(values[-third:]) - mean(values[-2 * third : -third] or values)


def plot(samples: list[tuple[float, float]], path: Path) -> None:
    """Memory over time as SVG."""
    end, most = samples[-1][0] or 1, max(1600.0, max(value for _, value in samples))
    points = " ".join(f"{40 + 640 * at / end:.1f},{220 - 200 * value / most:.1f}" for at, value in samples)
    limit = 220 - 200 * 1536 / most
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 250" font-family="sans-serif" font-size="12">'
        '<rect width="700" height="250" fill="#fff"/>'
        f'<line x1="40" x2="680" y1="{limit:.1f}" y2="{limit:.1f}" stroke="#c2571a" stroke-dasharray="4"/>'
        f'<text x="44" y="{limit - 4:.1f}" fill="#c2571a">1.5 GB</text>'
        f'<polyline points="{points}" fill="none" stroke="#2f6f8f" stroke-width="2"/>'
        f'<text x="40" y="240">0 s</text><text x="640" y="240">{end:,.0f} s</text></svg>\n'
    )


def compare(texts: list[str], notes: Path, table: Table, model: str) -> None:
    """The pipeline beside its token classifier, and two workers beside one."""
    halves = overhead(texts, model)
    # Both halves have as many notes, so that the rate of all is the harmonic mean of theirs.
    everything = tuple(2 / sum(1 / rate for rate in rates) for rates in zip(*halves, strict=True))
    for what, (whole, alone) in zip(("first half of", "second half of", "all"), [*halves, everything], strict=True):
        table.add_row(f"pipeline, one thread, {what} {len(texts):,} notes", f"{whole:.2f} notes a second")
        table.add_row("  session of its token classifier alone", f"{alone:.2f} notes a second")
        table.add_row("  pipeline against session", f"{whole / alone:.0%}")
    rates = []
    for workers in (1, 2):
        seconds, _ = annotate(notes, notes.with_name(f"out{workers}"), workers, len(texts), model)
        rates.append(len(texts) / seconds)
        table.add_row(f"run of {len(texts):,} notes, {workers} workers", f"{rates[-1]:.2f} notes a second")
    table.add_row("two workers against one", f"{rates[1] / rates[0]:.2f} times")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=int, default=400, help="notes of the long run with two workers; 0 for none")
    parser.add_argument("--compared", type=int, default=600, help="notes that rates are compared on; 0 for none")
    parser.add_argument("--model", default="en_medlink_sm", help="installed pipeline package, or the folder of one")
    options = parser.parse_args()
    texts = recombine(max(options.notes, options.compared))
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    table = Table("what", "figure", title=f"{mean(map(len, texts)):,.0f} characters a note, on {machine}")
    with tempfile.TemporaryDirectory() as scratch:
        notes = Path(scratch) / "notes"
        notes.mkdir()
        for i, text in enumerate(texts):
            (notes / f"{i:06d}.txt").write_text(text)
        if options.compared:
            compare(texts[: options.compared], notes, table, options.model)
        if options.notes:
            seconds, samples = annotate(notes, Path(scratch) / "out", 2, options.notes, options.model)
            table.add_row(f"run of {options.notes:,} notes, 2 workers", f"{options.notes / seconds:.2f} notes a second")
            table.add_row("  peak memory of all its processes", f"{max(value for _, value in samples):,.0f} MB")
            table.add_row("  memory, last third against the third before", f"{growth(samples):+,.0f} MB")
            plot(samples, Path("bulk-memory.svg"))
    Console().print(table)


if __name__ == "__main__":
    main()
