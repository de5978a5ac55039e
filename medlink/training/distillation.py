"""What a token classifier learns from others: the chance of each tag that they give on average, also of labels that a
corpus does not annotate.

Hinton, Vinyals and Dean, Distilling the knowledge in a neural network (2015, arXiv:1503.02531), at temperature 1. The
mean of differently trained models is right more often than each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

# Windows that the teachers read at once.
_BATCH = 16


@torch.no_grad()
def opinions(
    teachers: Sequence[nn.Module], windows: Sequence[Sequence[int]], *, start: int, end: int, bf16: bool
) -> Iterator[torch.Tensor]:
    """What the teachers hold of windows of text.

    Arguments:
        teachers: Classifiers that give (batch, pieces, labels * 3) logits, on one device.
        windows: The pieces of each window, without special tokens.
        start: The special token before a window.
        end: The special token after it.
        bf16: Whether to multiply in bfloat16.

    Yields:
        For each window, in their order, the mean chance of each tag. Shape (pieces, labels, 3), float16, on the CPU.
    """
    device = next(teachers[0].parameters()).device
    order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
    found: dict[int, torch.Tensor] = {}
    for at in range(0, len(order), _BATCH):
        part = order[at : at + _BATCH]
        ids = torch.zeros((len(part), len(windows[part[-1]]) + 2), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, i in enumerate(part):
            whole = [start, *windows[i], end]
            ids[row, : len(whole)] = torch.tensor(whole)
            mask[row, : len(whole)] = 1
        chances = torch.zeros(())
        for teacher in teachers:
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                logits = teacher(ids.to(device), mask.to(device))
            chances = chances + logits.float().unflatten(-1, (-1, 3)).softmax(-1).cpu() / len(teachers)
        for row, i in enumerate(part):
            found[i] = chances[row, 1 : len(windows[i]) + 1].half()
    yield from (found[i] for i in range(len(windows)))


def disagreement(logits: torch.Tensor, chances: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """How far a model is from its teachers: the cross entropy, a mean over labels and pieces.

    Arguments:
        logits: Shape (batch, pieces, labels, 3).
        chances: What the teachers hold, likewise.
        mask: Which pieces count. Shape (batch, pieces).
    """
    each = -(chances * logits.log_softmax(-1)).sum(-1).mean(-1)
    return (each * mask).sum() / mask.sum()
