"""The table of word vectors is moved up the loss for a second pass, and is as it was afterwards."""

import pytest
import torch
from torch import nn

from medlink.training.adversarial import perturbed


def test_the_loss_is_higher_where_the_table_has_been_moved_and_the_table_comes_back():
    torch.manual_seed(0)
    table = nn.Embedding(5, 3)
    head = nn.Linear(3, 2)

    def loss():
        return nn.functional.cross_entropy(head(table(torch.tensor([0, 1, 1]))), torch.tensor([0, 1, 0]))

    plain = loss()
    plain.backward()
    before, gradient = table.weight.detach().clone(), table.weight.grad.clone()
    with perturbed(table.weight, 0.5):
        assert (table.weight - before).norm().item() == pytest.approx(0.5)
        assert torch.equal(table.weight[2:], before[2:]), "words that were not read stay where they are"
        harder = loss()
        harder.backward()
    assert harder > plain
    assert torch.equal(table.weight, before)
    assert not torch.equal(table.weight.grad, gradient), "both passes count"

    with pytest.raises(RuntimeError, match="stop"), perturbed(table.weight, 0.5):
        raise RuntimeError("stop")
    assert torch.equal(table.weight, before)


def test_a_table_that_nothing_was_learnt_about_stays_and_one_without_a_gradient_is_refused():
    table = nn.Embedding(2, 2)
    with pytest.raises(ValueError, match="no gradient"), perturbed(table.weight, 0.5):
        pass
    table.weight.grad = torch.zeros_like(table.weight)
    before = table.weight.detach().clone()
    with perturbed(table.weight, 0.5):
        assert torch.equal(table.weight, before)
