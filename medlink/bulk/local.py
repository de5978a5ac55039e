"""The workers of a run on one machine: processes that each load the pipeline once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from medlink.bulk.plan import Task
from medlink.bulk.worker import Annotator
from medlink.errors import MedlinkError

# Shards read ahead for each worker, so that none waits.
_AHEAD = 2
# A shard whose worker ended so often is looked through for the document that ends it.
_SUSPECT = 2
# And of one whose worker ends still, the run is given up.
_GIVE_UP = 6
_KILLED = "the worker process ended while it annotated this document, perhaps for want of memory"

_annotator: Annotator | Exception | None = None


def run_local(
    tasks: Iterable[Task], folder: Path, manifest: Mapping[str, Any], workers: int, stopped: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """Annotate shards in worker processes.

    Arguments:
        tasks: The shards.
        folder: The run's folder.
        manifest: The run's manifest.
        workers: How many processes, of one thread each.
        stopped: Whether no further shards are to be begun.

    Yields:
        The line in the ledger of each shard as it is done.

    Raises:
        MedlinkError: A worker cannot work on.
    """
    left = iter(tasks)
    again: list[Task] = []
    ended: dict[int, int] = {}
    killers: dict[int, dict[int, str]] = {}

    def pool(processes: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")  # threads of the models do not live on in a forked process
        return ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(folder, manifest))

    executor = pool(workers)
    pending: dict[Future[dict[str, Any]], Task] = {}
    try:
        while True:
            while len(pending) < workers * _AHEAD and not stopped():
                task = again.pop() if again else next(left, None)
                if task is None:
                    break
                if ended.get(task.number, 0) >= _SUSPECT and task.number not in killers:
                    killers[task.number] = _find_killers(task, pool)
                try:
                    pending[executor.submit(_annotate, task, killers.get(task.number, {}))] = task
                except BrokenProcessPool:  # by a shard that is at work, which is told below
                    again.append(task)
                    break
            if not pending and not again:
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            broken = not pending
            for future in done:
                task = pending.pop(future)
                try:
                    yield future.result()
                except BrokenProcessPool:
                    again.append(task)
                    broken = True
            if broken:
                # It is not told whose document it was: all that were at work are done again.
                again += pending.values()
                pending.clear()
                for one in again:
                    ended[one.number] = ended.get(one.number, 0) + 1
                    if ended[one.number] > _GIVE_UP:
                        raise MedlinkError(
                            f"workers end again and again on shard {one.number}; there may be too little memory, "
                            "try fewer workers"
                        )
                executor.shutdown(wait=False)
                executor = pool(workers)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _find_killers(task: Task, pool: Callable[[int], ProcessPoolExecutor]) -> dict[int, str]:
    """The documents of a shard that end a worker, tried one by one in a process of its own."""
    killers: dict[int, str] = {}
    executor = pool(1)
    try:
        for i, item in enumerate(task.items):
            try:
                executor.submit(_try, Task(task.number, [item])).result()
            except BrokenProcessPool:
                killers[i] = _KILLED
                executor.shutdown(wait=False)
                executor = pool(1)
    finally:
        executor.shutdown()
    return killers


def _begin(folder: Path, manifest: Mapping[str, Any]) -> None:
    global _annotator
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to answer
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        _annotator = Annotator(folder, manifest)
    except Exception as error:  # a worker that cannot begin is told by its first shard, not by its end
        _annotator = error


def _die_with_parent() -> None:
    """A worker whose main process was killed would wait for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _annotate(task: Task, killers: Mapping[int, str]) -> dict[str, Any]:
    return _ready()(task, killers)


def _try(task: Task) -> None:
    _ready().make(task, {})


def _ready() -> Annotator:
    if isinstance(_annotator, Exception):
        raise _annotator
    assert _annotator is not None
    return _annotator
