"""How much each term of a layer's loss weighs: the three formulas of the layer-wise training report (2019).

With a = alpha, p = prediction loss, s and u = reconstruction losses of labelled and unlabelled rows, r = regulariser.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Weights(NamedTuple):
    """What the terms of a layer's loss are multiplied by."""

    unlabelled: Tensor
    labelled: Tensor
    prediction: Tensor


def by_supervision(alpha: Tensor) -> Weights:
    """``u(1-a) + (s+p)a + r``: alpha weighs labelled against unlabelled rows."""
    return Weights(unlabelled=1 - alpha, labelled=alpha, prediction=alpha)


def by_task(alpha: Tensor) -> Weights:
    """``(u+s)(1-a) + pa + r``: alpha weighs prediction against reconstruction."""
    return Weights(unlabelled=1 - alpha, labelled=1 - alpha, prediction=alpha)


def by_task_labelled(alpha: Tensor) -> Weights:
    """``(u+10s)(1-a) + pa + r``: as `by_task`, with the labelled rows' reconstruction counted ten times."""
    return Weights(unlabelled=1 - alpha, labelled=10 * (1 - alpha), prediction=alpha)


def weighted_sum(weights: Weights, terms: tuple[Tensor | None, Tensor | None, Tensor | None]) -> Tensor:
    """Sum the terms (u, s, p) that took part, each times its weight.

    Example:
        >>> import torch
        >>> u, s, p, a = torch.tensor([1.0, 2.0, 3.0, 0.25])
        >>> weighted_sum(by_supervision(a), (u, s, p)), weighted_sum(by_supervision(a), (None, s, p))
        (tensor(2.), tensor(1.2500))
    """
    products = [weight * term for weight, term in zip(weights, terms, strict=True) if term is not None]
    return torch.stack(products).sum()


FORMULAS = {"by_supervision": by_supervision, "by_task": by_task, "by_task_labelled": by_task_labelled}
