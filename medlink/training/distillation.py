"""What a token classifier learns from others: the chance of each tag that they give on average, also of labels that a
corpus does not annotate.

Hinton, Vinyals and Dean, Distilling the knowledge in a neural network (2015, arXiv:1503.02531), at temperature 1. The
mean of differently trained models is right more often than each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn


@torch.no_grad()
def opinion(teachers: Sequence[nn.Module], ids: torch.Tensor, mask: torch.Tensor, bf16: bool) -> torch.Tensor:
    """What the teachers hold of a batch: the mean chance of each tag.

    Arguments:
        teachers: Classifiers that give (batch, pieces, labels * 3) logits.
        ids: The pieces, on the teachers' device. Shape (batch, pieces).
        mask: Likewise, which of them are there.
        bf16: Whether to multiply in bfloat16.

    Returns:
        Shape (batch, pieces, labels, 3), float16, on the CPU.
    """
    with torch.autocast(ids.device.type, torch.bfloat16, enabled=bf16):
        logits = [teacher(ids, mask) for teacher in teachers]
    chances = [one.float().unflatten(-1, (-1, 3)).softmax(-1) for one in logits]
    return torch.stack(chances).mean(0).half().cpu()


def disagreement(logits: torch.Tensor, chances: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """How far a model is from its teachers: the cross entropy, a mean over labels and pieces.

    Arguments:
        logits: Shape (batch, pieces, labels, 3).
        chances: What the teachers hold, likewise.
        mask: Which pieces count. Shape (batch, pieces).
    """
    each = -(chances * logits.log_softmax(-1)).sum(-1).mean(-1)
    return (each * mask).sum() / mask.sum()
