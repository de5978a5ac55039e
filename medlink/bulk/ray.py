"""The workers of a run on a cluster: actors of Ray Data, on GPUs where the cluster has them.

The folder of the run, and the files, have to be seen by all machines under the same path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, cast

import ray
import ray.data

from medlink.bulk.plan import Task
from medlink.bulk.worker import Annotator

# Shards given to Ray at once for each worker; Ctrl-C is answered between.
_AHEAD = 8


class _Actor:
    """Annotates the shards that Ray Data hands it; see :class:`Annotator`."""

    def __init__(self, folder: str, manifest: Mapping[str, Any]) -> None:
        self._annotate = Annotator(folder, manifest)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"entry": self._annotate(row["task"])}


def run_ray(
    tasks: Iterable[Task], folder: Path, manifest: Mapping[str, Any], workers: int, stopped: Callable[[], bool]
) -> Iterator[dict[str, Any]]:
    """Annotate shards with Ray Data; arguments and result as for :func:`medlink.bulk.local.run_local`.

    The cluster is the one that Ray finds (``RAY_ADDRESS``), or one on this machine. A worker that is lost is started
    again, and its shards are done anew.
    """
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    resources: dict[str, float] = cast(Any, ray).cluster_resources()
    # Where there are fewer GPUs than workers, several share one.
    gpus = min(1.0, resources.get("GPU", 0) / workers)
    left = iter(tasks)
    while not stopped() and (some := list(islice(left, workers * _AHEAD))):
        # A block each, so that a worker takes one when it is done with another.
        shards = ray.data.from_items([{"task": task} for task in some], override_num_blocks=len(some))
        done = shards.map(
            cast(Any, _Actor),
            fn_constructor_args=(str(folder.resolve()), dict(manifest)),
            concurrency=workers,
            num_cpus=None if gpus else 1,
            num_gpus=gpus or None,
            max_restarts=-1,
            max_task_retries=-1,
        )
        for row in done.iter_rows():
            yield row["entry"]
