"""The encoder of a convolutional autoencoder, with a classifier on its code."""

import math
from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from lwtrain.activations import ReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape


@BACKBONES.register("conv_autoencoder")
def conv_autoencoder(
    name: str,
    input_shape: Shape,
    num_classes: int,
    *,
    channels: Sequence[int] = (32, 32),
    code: int = 10,
    map: str = "none",  # noqa: ARG001
) -> Backbone:
    """Build strided convolutions with ReLU, and behind them a linear layer that gives the code.

    Günther (2022), "Deep Learning, Exercise 9: Convolutional Auto-Encoder", University of Zurich. The decoder is that
    of the sidecars: `encoder=mirror` is the published one.

    Args:
        name: "conv_autoencoder".
        input_shape: (channels, height, width) of the images, of any size.
        num_classes: Number of logits.
        channels: Of each 5x5 convolution; they halve height and width, rounding up. Published: two, Q1 and Q2.
        code: Numbers in the code, K; it passes no activation and is given as (code, 1, 1).
        map: "none".

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> backbone = conv_autoencoder("conv_autoencoder", (1, 28, 28), num_classes=10)
        >>> [shape.outputs for shape in backbone.shapes()]
        [(32, 14, 14), (32, 7, 7), (10, 1, 1)]
    """
    if not channels or min(channels) < 1:
        raise ValueError(f"model.channels={list(channels)}: choose a number of at least 1 for each convolution")
    if code < 1:
        raise ValueError(f"model.code={code}: choose 1 or more")
    shape = input_shape
    layers: list[nn.Module] = []
    for num_channels in channels:
        conv = nn.Conv2d(shape[0], num_channels, kernel_size=5, stride=2, padding=2)
        layers.append(nn.Sequential(OrderedDict(conv=conv, activation=ReLU())))
        shape = (num_channels, (shape[1] + 1) // 2, (shape[2] + 1) // 2)
    squeeze: OrderedDict[str, nn.Module] = OrderedDict(
        flatten=nn.Flatten(), code=nn.Linear(math.prod(shape), code), unflatten=nn.Unflatten(1, (code, 1, 1))
    )
    layers.append(nn.Sequential(squeeze))
    head: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten(), classes=nn.Linear(code, num_classes))
    maps: list[nn.Module] = [nn.Identity() for _ in layers]
    return Backbone(name, input_shape, num_classes, layers, maps, nn.Sequential(head))
