"""Mutual information of few samples in many cells: what is found, beyond what chance would show."""

import math

import torch
from torch import Tensor

from lwtrain.information.binning import entropy, paired

_NO_ROOM = 1e-6  # bits between chance and all there is: nothing can be told


def beyond_chance(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """Give the mutual information of two discrete variables in bits, on a scale that begins at what chance shows.

    Few samples in many cells seem to depend on each other. How much they do by chance, C, is read off the same samples
    with y shuffled; and as no more than ``M = min(H(x), H(y))`` can be found, what is found, I, is stretched to
    ``M (I - C) / (M - C)``: 0 for independent variables, and M where one follows from the other. Vinh, Epps and Bailey
    (2010, "Information theoretic measures for clusterings comparison", JMLR 11) adjust the mutual information of
    clusterings like this. I and C are of `grassberger_entropy`, which is less biased to begin with.

    Args:
        x: (samples,), integers.
        y: (samples,), integers.
        generator: Shuffles; on the CPU.

    Returns:
        A scalar; a little below 0 where chance happens to show less than it mostly does.

    Example:
        >>> coin, other = torch.arange(1000) % 2, torch.arange(1000) % 100 // 50
        >>> generator = torch.Generator().manual_seed(0)
        >>> beyond_chance(coin, coin, generator).round(decimals=2), abs(beyond_chance(coin, other, generator)) < 0.01
        (tensor(1.), tensor(True))
    """
    shuffled = y[torch.randperm(len(y), generator=generator).to(y.device)]
    joint, joint_by_chance = grassberger_entropy(paired(x, y)), grassberger_entropy(paired(x, shuffled))
    most = torch.minimum(entropy(x), entropy(y))
    room = most - (grassberger_entropy(x) + grassberger_entropy(y) - joint_by_chance)
    return torch.where(room > _NO_ROOM, most * (joint_by_chance - joint) / room, 0.0)


def grassberger_entropy(values: Tensor) -> Tensor:
    """Give the entropy of a discrete variable, (samples,), in bits, with less bias than `entropy`.

    Grassberger (2003, "Entropy estimates from insufficient samplings", arXiv:physics/0307138), equation 35: the log of
    a count n in the entropy gives way to ``G(n) = psi(n) + (-1)^n (psi((n + 1) / 2) - psi(n / 2)) / 2``.

    Example:
        >>> dice = torch.randint(6, (30,), generator=torch.Generator().manual_seed(0))
        >>> entropy(dice), grassberger_entropy(dice)  # log2 6 is 2.585
        (tensor(2.4439), tensor(2.6552))
    """
    counts = torch.unique(values, return_counts=True)[1].double()
    sign = 1 - 2 * (counts % 2)
    logs = counts.digamma() + sign / 2 * (((counts + 1) / 2).digamma() - (counts / 2).digamma())
    return (math.log2(len(values)) - (counts * logs).sum() / (len(values) * math.log(2))).float()
