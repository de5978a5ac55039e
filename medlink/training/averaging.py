"""The mean of several token classifiers that were trained alike from the same start, but for the seed.

Their weights lie in one valley of the loss, and the mean generalises better than each, at the cost of one: Wortsman et
al., Model soups (ICML 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from medlink.errors import MedlinkError
from medlink.training.ner import NerRun, new_run
from medlink.training.settings import NerSettings
from medlink.training.start import mean_of, read_state


def average_runs(settings: NerSettings, folders: Sequence[Path]) -> NerRun:
    """Take the mean of the weights of finished runs.

    Arguments:
        settings: The settings of the runs; the seeds may differ.
        folders: The folders of the runs, with their checkpoints (``last.pt``, ``best.pt``), or of exported models of
            the same labels and base, as the one that the runs started from (Wortsman et al., Robust fine-tuning of
            zero-shot models, CVPR 2022); two or more in all, and one run at least.

    Returns:
        A run with the mean as its model, all the seeds, and the time of all the runs.

    Raises:
        MedlinkError: A folder holds neither a finished run with these settings nor such a model, or there are fewer
            than two, or no run.
    """
    if len(folders) < 2:
        raise MedlinkError("a mean takes two runs at least, or a run and a model")
    run = new_run(settings)
    states, seeds = [], []
    for folder in folders:
        if (folder / "model.onnx").exists():
            weights = read_state(str(folder))["model"]
            run.averaged.append(str(folder))
        else:
            weights, state, seed = _finished(settings, folder)
            seeds.append(seed)
            run.seconds += state["seconds"]
            run.machines += [one for one in state["machines"] if one not in run.machines]
        own = run.model.state_dict()
        if any(name not in weights or weights[name].shape != value.shape for name, value in own.items()):
            raise MedlinkError(f"{folder}: holds a model of other labels or another base")
        states.append({name: weights[name] for name in own})
    if not seeds:
        raise MedlinkError("a mean takes a run at least; name its folder")
    run.model.load_state_dict(mean_of(states))
    run.model.eval()
    run.best_epoch, run.seeds = settings.epochs, tuple(seeds)
    return run


def _finished(settings: NerSettings, folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any], int]:
    """The weights, the last checkpoint and the seed of a finished run."""
    try:
        state, weights = read_state(str(folder / "last.pt")), read_state(str(folder / "best.pt"))
    except OSError as error:
        raise MedlinkError(f"{folder}: holds no finished run ({error.strerror})") from None
    theirs = json.loads(state["settings"])
    if theirs != asdict(replace(settings, seed=theirs["seed"])) or state["epoch"] < settings.epochs:
        raise MedlinkError(f"{folder}: holds no finished run with these settings")
    return weights, state, int(theirs["seed"])
