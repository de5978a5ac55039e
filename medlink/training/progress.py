"""A training that can be cut off: steps of the optimizer, the learning rate's rise and fall, checkpoint and log."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from medlink.errors import MedlinkError

log = logging.getLogger(__name__)
T = TypeVar("T")


def with_bar(batches: Sequence[T], what: str) -> Iterable[T]:
    """Batches, with a progress bar on standard error where that is a terminal.

    Arguments:
        batches: The batches of an epoch.
        what: What the bar is called.
    """
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(batches, what, console=console, disable=not console.is_terminal)


class Progress:
    """How far a training has come.

    The learning rate rises over ``settings.warmup`` of the steps and falls linearly.

    Arguments:
        folder: Where the checkpoint (``last.pt``) and ``log.jsonl`` are kept.
        settings: The settings of the run, a dataclass; a checkpoint of others is refused.
        model: The model, on its device.
        optimizer: Its optimizer.
        steps: Steps of the whole training.

    Attributes:
        machines: What the training has run on, ``"a GPU (its name)"`` or ``"x86_64 CPU"``; several where it went on
            elsewhere.
    """

    def __init__(self, folder: Path, settings: Any, model: nn.Module, optimizer: Any, steps: int) -> None:
        self._folder = folder
        self._settings = json.dumps(asdict(settings), sort_keys=True)
        self._model = model
        self._optimizer = optimizer
        self.machines: list[str] = []
        warm = max(1, int(steps * settings.warmup))
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
        )

    def resume(self) -> dict[str, Any]:
        """Go on from the checkpoint.

        Returns:
            What :meth:`save` was given; empty where there is no checkpoint.

        Raises:
            MedlinkError: The checkpoint is that of a run with other settings.
        """
        last = self._folder / "last.pt"
        if not last.exists():
            return {}
        device = next(self._model.parameters()).device
        state: dict[str, Any] = torch.load(last, map_location=device, weights_only=True)
        if state["settings"] != self._settings:
            raise MedlinkError(f"{self._folder}: holds a run with other settings; choose another folder or remove it")
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._schedule.load_state_dict(state["schedule"])
        self.machines = state.get("machines", [])
        return state

    def step(self, loss: torch.Tensor, further: Callable[[], None] | None = None) -> float:
        """Take a step down a loss.

        Arguments:
            loss: The loss.
            further: Adds to the gradients before the step is taken.

        Returns:
            The value of the loss.
        """
        self._optimizer.zero_grad()
        loss.backward()
        if further is not None:
            further()
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._schedule.step()
        return float(loss.item())

    def write_log(self, line: dict[str, Any]) -> None:
        """Say a line, and keep it in ``log.jsonl``."""
        log.info("%s", line)
        with (self._folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def save(self, **reached: Any) -> None:
        """Write the checkpoint, whole or not at all.

        Arguments:
            reached: What the run needs besides to go on, as its epoch.
        """
        own = machine_name(next(self._model.parameters()).device)
        self.machines += [own] if own not in self.machines else []
        state = {
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "schedule": self._schedule.state_dict(),
            "settings": self._settings,
            "machines": self.machines,
            **reached,
        }
        last = self._folder / "last.pt"
        torch.save(state, last.with_suffix(".new"))
        last.with_suffix(".new").replace(last)


def machine_name(device: torch.device) -> str:
    """What a training on a device is said to have run on, as ``"x86_64 CPU"``."""
    if device.type == "cuda":
        return f"a GPU ({torch.cuda.get_device_name(device)})"
    return f"{platform.machine()} CPU"
