"""The mean of several token classifiers that were trained alike from the same start, but for the seed.

Their weights lie in one valley of the loss, and the mean generalises better than each, at the cost of one: Wortsman et
al., Model soups (ICML 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from medlink.errors import MedlinkError
from medlink.training.ner import NerRun, new_run
from medlink.training.settings import NerSettings
from medlink.training.start import read_state


def average_runs(settings: NerSettings, folders: Sequence[Path]) -> NerRun:
    """Take the mean of the weights of finished runs.

    Arguments:
        settings: The settings of the runs; the seeds may differ.
        folders: The folders of the runs, two or more, with their checkpoints (``last.pt``, ``best.pt``).

    Returns:
        A run with the mean as its model, all the seeds, and the time of all the runs.

    Raises:
        MedlinkError: A folder holds no finished run with these settings, or there are fewer than two.
    """
    if len(folders) < 2:
        raise MedlinkError("a mean takes two runs at least")
    run = new_run(settings)
    total: dict[str, torch.Tensor] = {}
    seeds = []
    for folder in folders:
        try:
            state, weights = read_state(str(folder / "last.pt")), read_state(str(folder / "best.pt"))
        except OSError as error:
            raise MedlinkError(f"{folder}: holds no finished run ({error.strerror})") from None
        theirs = json.loads(state["settings"])
        seeds.append(int(theirs["seed"]))
        if theirs != asdict(replace(settings, seed=seeds[-1])) or state["epoch"] < settings.epochs:
            raise MedlinkError(f"{folder}: holds no finished run with these settings")
        total = {name: weight.double() + total.get(name, 0.0) for name, weight in weights.items()}
        run.seconds += state["seconds"]
        run.machines += [one for one in state["machines"] if one not in run.machines]
    run.model.load_state_dict({name: (sum_ / len(folders)).float() for name, sum_ in total.items()})
    run.model.eval()
    run.best_epoch, run.seeds = settings.epochs, tuple(seeds)
    return run
