"""Maps without weights: the poolings of the published nets, and nothing at all."""

from torch import nn

from lwtrain.backbones.backbone import Shape
from lwtrain.maps import MAPS
from lwtrain.pooling import MaxPool2d


def halved(shape: Shape) -> Shape:
    """Give the shape after a 2x2 pooling, which leaves out an odd last row or column.

    Example:
        >>> halved((64, 7, 9))
        (64, 3, 4)
    """
    channels, height, width = shape
    return channels, height // 2, width // 2


@MAPS.register("pool")
def pool(inputs: Shape, outputs: Shape) -> nn.Module:
    """Halve height and width, rounding down, by the maximum of 2x2 positions: the pooling of the published VGGs.

    Example:
        >>> import torch
        >>> pool((1, 2, 2), (1, 1, 1))(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
        tensor([[[6.]]])
    """
    _check_halved("pool", inputs, outputs)
    return MaxPool2d()


@MAPS.register("average")
def average(inputs: Shape, outputs: Shape) -> nn.Module:
    """Halve height and width, rounding down, by the mean of 2x2 positions, so that all four get a gradient.

    Example:
        >>> import torch
        >>> average((1, 2, 2), (1, 1, 1))(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
        tensor([[[3.]]])
    """
    _check_halved("average", inputs, outputs)
    return nn.AvgPool2d(2)


@MAPS.register("none")
def none(inputs: Shape, outputs: Shape) -> nn.Module:
    """Let the next layer read what the last one gives.

    Raises:
        ValueError: If the shapes differ.
    """
    if inputs != outputs:
        raise ValueError(f"map=none: cannot make {outputs} of {inputs}; choose another map")
    return nn.Identity()


def _check_halved(name: str, inputs: Shape, outputs: Shape) -> None:
    if outputs != halved(inputs):
        raise ValueError(f"map={name}: makes {halved(inputs)} of {inputs}, not {outputs}; choose another map")
