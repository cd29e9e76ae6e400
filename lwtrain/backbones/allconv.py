"""The all-convolutional net: no pooling, no dense layer, few parameters."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from lwtrain.activations import ReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.backbones.residual import Residual
from lwtrain.normalisation import BatchNorm2d

MULTIPLES = (1, 1, 2, 2, 2, 4, 4, 4)  # of `channels`, convolution by convolution; where they double, the image halves
POINTWISE = len(MULTIPLES) - 1  # the last layer looks at one position at a time


@BACKBONES.register("allconv")
def allconv(
    name: str,
    input_shape: Shape,
    num_classes: int,
    *,
    channels: int = 64,
    residuals: bool = False,
    dropout: float = 0.2,
    rectified_logits: bool = True,
    map: str = "none",
) -> Backbone:
    """Build an all-convolutional net after Springenberg et al. (2014), arXiv:1412.6806.

    Convolutions of 3x3, two of them of stride 2 in place of poolings, and a last one of 1x1 make eight layers, each
    with batch norm, dropout of whole channels, and ReLU. The head is a 1x1 convolution to one channel per class, which
    are averaged over the image.

    Args:
        name: "allconv".
        input_shape: (channels, height, width) of the images; any size.
        num_classes: Number of logits.
        channels: Of the first layer; the last has four times as many.
        residuals: Whether each layer that keeps the shape adds its input to what it makes of it, before the ReLU (the
            last layer behind it).
        dropout: Probability of dropping a channel, in the head as in the layers.
        rectified_logits: Whether the head, as published, drops and rectifies its channels before it averages them: then
            no logit is negative, and a class that has none above 0 never learns again.
        map: "none": layers follow one another directly.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> backbone = allconv("allconv", (3, 32, 32), num_classes=100)
        >>> [shape.outputs for shape in backbone.shapes()][::2]
        [(64, 32, 32), (128, 16, 16), (128, 16, 16), (256, 8, 8)]
    """
    if channels < 1:
        raise ValueError(f"model.channels={channels}: choose 1 or more")
    if not 0 <= dropout < 1:
        raise ValueError(f"model.dropout={dropout}: choose 0 or more and less than 1")
    if map != "none":
        raise ValueError(f"map={map}: choose none, for model=allconv")
    widths = [input_shape[0], *(multiple * channels for multiple in MULTIPLES)]
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise(widths)):
        halves = number > 0 and after > before
        adds = residuals and after == before and number > 0
        layers.append(_layer(before, after, 2 if halves else 1, 1 if number == POINTWISE else 3, dropout, adds))
    maps: list[nn.Module] = [nn.Identity() for _ in layers]
    return Backbone(
        name, input_shape, num_classes, layers, maps, _head(widths[-1], num_classes, dropout, rectified_logits)
    )


def _head(channels: int, num_classes: int, dropout: float, rectified: bool) -> nn.Sequential:
    pieces: OrderedDict[str, nn.Module] = OrderedDict(conv=nn.Conv2d(channels, num_classes, 1))
    if rectified:
        pieces |= {"dropout": nn.Dropout2d(dropout), "activation": ReLU()}
    pieces |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return nn.Sequential(pieces)


def _layer(before: int, after: int, stride: int, kernel_size: int, dropout: float, adds: bool) -> nn.Sequential:
    pieces: OrderedDict[str, nn.Module] = OrderedDict(
        conv=nn.Conv2d(before, after, kernel_size, stride=stride, padding=kernel_size // 2),
        norm=(nn.BatchNorm2d if adds else BatchNorm2d)(after),
        dropout=nn.Dropout2d(dropout),
    )
    if not adds:
        return nn.Sequential(pieces | {"activation": ReLU()})
    if kernel_size == 1:  # neither term of its sum is negative, and a second ReLU would change nothing
        pieces["activation"] = nn.ReLU()
        return nn.Sequential(OrderedDict(residual=Residual(nn.Sequential(pieces))))
    # Behind a sum, too, torch's own activation: the gradient that ours marks as its own would go to both terms.
    return nn.Sequential(OrderedDict(residual=Residual(nn.Sequential(pieces)), activation=nn.ReLU(inplace=True)))
