"""The weight alpha between reconstruction and prediction: fixed, or learned with the layer."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_ALLOWED = "choose a number above 0 and at most 1, or learned"


class Alpha(NamedTuple):
    """The weight a in (0, 1] and the regulariser r that keeps a learned one off the ends."""

    value: Tensor
    regulariser: Tensor


class FixedAlpha(nn.Module):
    """A constant: r = 0.

    At 0 no layer but the head would learn to classify, and the vote would count opinions that nobody formed.

    Raises:
        ValueError: If `value` is not above 0 and at most 1.
    """

    alpha: Tensor
    regulariser: Tensor

    def __init__(self, value: float) -> None:
        if not 0 < value <= 1:
            raise ValueError(f"objective.alpha={value}: {_ALLOWED}")
        super().__init__()
        # Buffers follow the module to its device; a setting is no part of the weights, so no checkpoint holds them.
        self.register_buffer("alpha", torch.tensor(float(value)), persistent=False)
        self.register_buffer("regulariser", torch.tensor(0.0), persistent=False)

    def forward(self) -> Alpha:
        """The weight and its regulariser."""
        return Alpha(self.alpha, self.regulariser)


class LearnedAlpha(nn.Module):
    """A parameter x of the layer: ``a = sigmoid(x)``, ``r = -(log a + log(1 - a))``, starting at a = 0.5.

    Without r, a would run to the end where the larger loss weighs nothing.

    Example:
        >>> LearnedAlpha()()  # r = 2 log 2
        Alpha(value=tensor(0.5000, ...), regulariser=tensor(1.3863, ...))
    """

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.tensor(0.0))

    def forward(self) -> Alpha:
        """The weight and its regulariser."""
        return Alpha(self.x.sigmoid(), -(F.logsigmoid(self.x) + F.logsigmoid(-self.x)))


def build_alpha(setting: float | str) -> FixedAlpha | LearnedAlpha:
    """A weight from its setting: a number in (0, 1], or "learned".

    Raises:
        ValueError: If it is neither.
    """
    if setting == "learned":
        return LearnedAlpha()
    if isinstance(setting, str):
        raise ValueError(f"objective.alpha={setting}: {_ALLOWED}")
    return FixedAlpha(setting)
