"""Batch norm's statistics, gathered anew."""

import copy

import pytest
import torch
from tiny import differing, tensors
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from lwtrain.batch_statistics import batch_norms, estimating
from lwtrain.normalisation import BatchNorm2d


def network(dropout: float = 0.0) -> nn.Sequential:
    """With statistics that are far from those of any images."""
    torch.manual_seed(0)
    norms = BatchNorm2d(4), nn.BatchNorm2d(5, momentum=0.3)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), norms[0], nn.ReLU(), nn.Dropout(dropout), nn.Conv2d(4, 5, 3), norms[1], nn.ReLU()
    )
    for norm in norms:
        norm.running_mean.fill_(50.0)
    return net


def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(size, 3, 8, 8, generator=generator) for size in (6, 6, 5)]


def passed(net: nn.Module, *parts: nn.Module) -> nn.Module:
    with estimating(net, parts or [net]), torch.no_grad():
        for batch in batches():
            net(batch)
    return net


def test_statistics_are_those_of_torchs_own_function() -> None:
    ours, torchs = passed(network()), network()
    update_bn(batches(), torchs)
    assert differing(tensors(ours), tensors(torchs)) == []


def test_statistics_are_the_mean_over_batches() -> None:
    net = passed(network())
    convolved = [net[0](batch) for batch in batches()]
    mean = torch.stack([each.mean((0, 2, 3)) for each in convolved]).mean(0)
    var = torch.stack([each.transpose(0, 1).flatten(1).var(1) for each in convolved]).mean(0)
    torch.testing.assert_close(net[1].running_mean, mean)
    torch.testing.assert_close(net[1].running_var, var)


def test_no_dropout_blurs_them() -> None:
    assert differing(tensors(passed(network(dropout=0.5))), tensors(passed(network()))) == []


def test_parts_that_are_not_named_keep_theirs() -> None:
    net, before = network(), tensors(network())
    passed(net, net[5])
    assert differing(tensors(net), before) == ["5.running_mean", "5.running_var", "5.num_batches_tracked"]


def test_batch_norms_that_no_batch_reaches_keep_theirs() -> None:
    net, before = network(), tensors(network())
    with estimating(net, [net]):
        for batch in batches():
            net[:3](batch)
    assert {name[0] for name in differing(tensors(net), before)} == {"1"}


def test_batch_norms_without_statistics_are_left_alone() -> None:
    net = nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False))
    assert differing(tensors(passed(net)), tensors(copy.deepcopy(net))) == []


@pytest.mark.parametrize("training", [False, True])
def test_everything_else_is_as_before(training: bool) -> None:
    net = network().train(training)
    net[3].eval()
    modes = [module.training for module in net.modules()]
    with estimating(net, [net]):
        assert [module for module in net.modules() if module.training] == batch_norms([net])
    assert [module.training for module in net.modules()] == modes
    assert [norm.momentum for norm in batch_norms([net])] == [0.1, 0.3]
    assert differing(tensors(net), tensors(network())) == []
