"""The networks that are measured, for lwtrain and for plain torch: the same layers, however they are trained."""

from unittest.mock import patch

from torch import nn

from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.backbones.plans import PLANS, Convolution, Plan
from lwtrain.backbones.vgg import vgg

CLASSES = 10
PLAIN_CHANNELS = 32
DROPOUT = 0.1  # of the head's hidden units


def find_plan(network: str) -> Plan:
    """Give the plan of a VGG, or of `plain_<depth>`: convolutions of 32 channels on the full image.

    Example:
        >>> find_plan("plain_3").steps
        (32, 32, 32)
    """
    if network.startswith("plain_"):
        depth = int(network.removeprefix("plain_"))
        return Plan((PLAIN_CHANNELS,) * depth, activation="relu", head_grid=4, head_hidden=64)
    return PLANS[network]


def convolutions(network: str, width: float) -> list[Convolution]:
    """Give the convolutions at the width that is wanted."""
    plan = find_plan(network)
    return [Convolution(max(1, round(channels * width)), pools) for channels, pools in plan.convolutions]


def activation(network: str) -> nn.Module:
    """Make what follows each convolution in plain torch."""
    return nn.ReLU(inplace=True) if find_plan(network).activation == "relu" else nn.LeakyReLU(inplace=True)


def head(network: str, channels: int) -> nn.Sequential:
    """Make the classifier behind the last convolution, in plain torch."""
    plan = find_plan(network)
    assert plan.head_hidden is not None, "networks without a hidden layer in their head are not compared"
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(plan.head_grid),
        nn.Flatten(),
        nn.Linear(channels * plan.head_grid**2, plan.head_hidden),
        activation(network),
        nn.Dropout(DROPOUT),
        nn.Linear(plan.head_hidden, CLASSES),
    )


def lwtrain_backbone(network: str, width: float, shape: Shape) -> Backbone:
    """Make the network as lwtrain makes it, of its own parts."""
    with patch.dict(PLANS, {network: find_plan(network)}):
        return vgg(network, shape, CLASSES, width=width)


def plain_network(network: str, width: float, shape: Shape) -> nn.Sequential:
    """Make the network of torch's own modules, as anybody would write it."""
    pieces: list[nn.Module] = []
    channels_in = shape[0]
    for channels, pools_after in convolutions(network, width):
        pieces += [nn.Conv2d(channels_in, channels, 3, padding=1), nn.BatchNorm2d(channels), activation(network)]
        if pools_after:
            pieces.append(nn.MaxPool2d(2))
        channels_in = channels
    return nn.Sequential(*pieces, head(network, channels_in))
