"""Adversarial training: a step is also taken on words that are moved to where they are hardest to read.

Miyato, Dai and Goodfellow, Adversarial training methods for semi-supervised text classification (ICLR 2017,
arXiv:1605.07725), with the whole table of word vectors in place of the vectors of one text.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def perturbed(table: nn.Parameter, size: float) -> Iterator[None]:
    """Within, a table of word vectors is moved along its gradient, up the loss; afterwards it is as it was.

    Arguments:
        table: The word vectors (words, width), whose gradient has been computed.
        size: Length of the move, the norm of the difference over the whole table.

    Raises:
        ValueError: The table has no gradient.
    """
    if table.grad is None:
        raise ValueError("the table has no gradient; call backward() first")
    before = table.detach().clone()
    # Where nothing is to be learnt from, the gradient is zero, and so is the move.
    length = table.grad.norm().clamp_min(torch.finfo(torch.float32).tiny)
    table.data.add_(table.grad / length, alpha=size)
    try:
        yield
    finally:
        table.data.copy_(before)
