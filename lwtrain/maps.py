"""What carries a layer's output to the next layer: the choices for the places where a plan pools."""

from collections.abc import Callable

from torch import nn

from lwtrain.pooling import MaxPool2d
from lwtrain.registry import Registry

MAPS: Registry[Callable[[], nn.Module]] = Registry("map", package=None)


@MAPS.register("pool")
def pool() -> nn.Module:
    """Halve height and width, rounding down, by the maximum of 2x2 positions: the pooling of the published VGGs.

    Example:
        >>> import torch
        >>> pool()(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
        tensor([[[6.]]])
    """
    return MaxPool2d()


@MAPS.register("average")
def average() -> nn.Module:
    """Halve height and width, rounding down, by the mean of 2x2 positions, so that all four get a gradient.

    Example:
        >>> import torch
        >>> average()(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
        tensor([[[3.]]])
    """
    return nn.AvgPool2d(2)
