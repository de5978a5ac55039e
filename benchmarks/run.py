"""Prints what medlink costs on this machine: load time, memory, speed of the pipeline and of its finders.

Run: make bench
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import spacy
from rich.console import Console
from rich.table import Table

import medlink

NOTES = [path.read_text("utf-8") for path in sorted(Path("examples/notes").glob("*.txt"))]
FRESH = """
import json, pathlib, sys, time
sys.modules["torch"] = None  # spaCy would import it where it is installed
start = time.perf_counter()
import spacy
imported = time.perf_counter()
nlp = spacy.load("en_medlink_sm")
loaded = time.perf_counter()
nlp(sys.argv[1])
first = time.perf_counter()
peak = pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(json.dumps([loaded - imported, first - loaded, int(peak) / 1024]))
"""


def seconds(function: Callable[[], object], repeats: int = 3) -> float:
    """The shortest of several runs."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def process(code: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True).stdout


def main() -> None:
    nlp = spacy.load("en_medlink_sm")
    docs = NOTES * 10
    tokens = sum(map(len, map(nlp.make_doc, docs)))
    load, first, megabytes = min(json.loads(process(FRESH, NOTES[0])) for _ in range(3))
    machine = f"{platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    table = Table("what", "figure", title=f"medlink {medlink.__version__} on {machine}")
    table.add_row(
        "import medlink", f"{seconds(lambda: process('import medlink')) - seconds(lambda: process('')):.2f} s"
    )
    table.add_row('spacy.load("en_medlink_sm"), after import spacy', f"{load:.2f} s")
    table.add_row("first document", f"{first:.2f} s")
    table.add_row("peak memory of the process", f"{megabytes:.0f} MB")
    whole = seconds(lambda: list(nlp.pipe(docs)))
    table.add_row("whole pipeline, example notes", f"{tokens / whole:,.0f} tokens/s, {len(docs) / whole:.1f} notes/s")
    for name in nlp.pipe_names:
        with nlp.select_pipes(enable=[name]):
            taken = seconds(lambda: list(nlp.pipe(docs)))
        table.add_row(f"{name} alone", f"{tokens / taken:,.0f} tokens/s")
    linker = medlink.Linker.load("en_medlink_sm")
    mentions = [" ".join(reversed(ent.text.split())) + " nos" for doc in nlp.pipe(NOTES) for ent in doc.ents]
    taken = seconds(lambda: linker.link(mentions, k=5))
    table.add_row("linking, all stages, both terminologies", f"{1000 * taken / len(mentions):.1f} ms a mention")
    Console().print(table)


if __name__ == "__main__":
    main()
