"""Residual networks for small images, cut into modules of many blocks."""

from collections import OrderedDict
from itertools import islice

import torch.nn.functional as F
from torch import Tensor, nn

from lwtrain.activations import ReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.backbones.residual import Residual
from lwtrain.backbones.resnet_plan import BLOCKS_PER_STAGE, Modules, plan_cut
from lwtrain.convolution import SameConv2d
from lwtrain.normalisation import BatchNorm2d
from lwtrain.registry import choices_hint

CHANNELS = (16, 32, 64)  # of the stages; where they double, the image halves


class PaddedShortcut(nn.Module):
    """Takes every second pixel, and appends channels of zeros: no parameters.

    Args:
        before: Channels of what it reads.
        channels: Of what it gives.

    Example:
        >>> import torch
        >>> PaddedShortcut(1, 2)(torch.arange(9.0).reshape(1, 1, 3, 3))
        tensor([[[[0., 2.],
                  [6., 8.]],
        <BLANKLINE>
                 [[0., 0.],
                  [0., 0.]]]])
    """

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.before, self.channels = before, channels

    def forward(self, images: Tensor) -> Tensor:
        """Turn (batch, channels, height, width) into half the height and width, rounded up, and `channels`."""
        halved = F.avg_pool2d(images, 1, 2)  # slicing's gradient would be laid out channels first
        return F.pad(halved, (0, 0, 0, 0, 0, self.channels - self.before))

    def extra_repr(self) -> str:
        """Show the channels before and behind it."""
        return f"{self.before}, {self.channels}"


class ConvolvedShortcut(nn.Sequential):
    """A 1x1 convolution of stride 2 with batch norm.

    The stride stands before the convolution, which changes nothing but this: of few channels that lie channels last,
    the backward pass of torch 2.13's own writes beyond its memory (4 to 8 channels, 8 x 8 pixels, a CPU with AVX2).

    Args:
        before: Channels of what it reads.
        channels: Of what it gives.
    """

    def __init__(self, before: int, channels: int) -> None:
        pieces: OrderedDict[str, nn.Module] = OrderedDict(
            stride=nn.AvgPool2d(1, 2, ceil_mode=True),
            conv=_initialised(nn.Conv2d(before, channels, 1, bias=False)),
            norm=nn.BatchNorm2d(channels),
        )
        super().__init__(pieces)


SHORTCUTS: dict[str, type[PaddedShortcut] | type[ConvolvedShortcut]] = {
    "pad": PaddedShortcut,
    "conv": ConvolvedShortcut,
}


@BACKBONES.register(*BLOCKS_PER_STAGE)
def resnet(
    name: str,
    input_shape: Shape,
    num_classes: int,
    *,
    width: float = 1.0,
    modules: Modules = 3,
    head: str = "alone",
    shortcut: str = "pad",
    map: str = "none",
) -> Backbone:
    """Build a ResNet for CIFAR (He et al. 2015, arXiv:1512.03385, section 4.2) of 6n + 2 layers with weights.

    A 3x3 convolution and three stages of n basic blocks, whose output is averaged over the image and read by one linear
    layer.

    Cut into any `modules` it is the same network, down to the weights that a seed gives it.

    Args:
        name: One of `lwtrain.backbones.resnet_plan.BLOCKS_PER_STAGE`.
        input_shape: (channels, height, width) of the images; any size.
        num_classes: Number of logits.
        width: Multiplies the channels of every convolution.
        modules: How many modules the blocks are dealt out to, "all" (one for each block), or how many blocks each of
            them has; see `lwtrain.backbones.resnet_plan.plan_cut`.
        head: "alone" or "joined": whether the last module is a layer like the others, or ends in the classifier and
            learns with it.
        shortcut: What carries the input past the two blocks that halve the image and double the channels: "pad", as He
            et al. on CIFAR, subsamples and appends channels of zeros; "conv" is a 1x1 convolution with batch norm, as
            in the code of Wang et al. (2021), arXiv:2101.10832: 2,752 parameters more.
        map: "none": layers follow one another directly.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> backbone = resnet("resnet20", (3, 32, 32), num_classes=10)
        >>> [shape.outputs for shape in backbone.shapes()]
        [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
        >>> [name for name, _ in backbone.layers[0].named_children()]
        ['conv', 'norm', 'activation', 'block_0', 'block_1', 'block_2']
    """
    cut = plan_cut(name, modules, head)
    if width <= 0:
        raise ValueError(f"model.width={width}: choose a number above 0")
    if shortcut not in SHORTCUTS:
        raise ValueError(f"model.shortcut={shortcut}: {choices_hint(shortcut, list(SHORTCUTS))}")
    if map != "none":
        raise ValueError(f"map={map}: choose none, for model={name}")
    widths = [max(1, round(channels * width)) for channels in CHANNELS]

    stem: OrderedDict[str, nn.Module] = OrderedDict(
        conv=_initialised(SameConv2d(input_shape[0], widths[0], bias=False)),
        norm=BatchNorm2d(widths[0]),
        activation=ReLU(),
    )
    blocks = iter(_blocks(widths, BLOCKS_PER_STAGE[name], shortcut).items())
    layers: list[nn.Module] = []
    for count in cut.layers:
        layers.append(nn.Sequential(OrderedDict([*stem.items(), *islice(blocks, count)])))
        stem = OrderedDict()
    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classes=nn.Linear(widths[-1], num_classes)
    )
    closing = nn.Sequential(OrderedDict([*blocks, *classifier.items()]))
    maps: list[nn.Module] = [nn.Identity() for _ in layers]
    return Backbone(name, input_shape, num_classes, layers, maps, closing)


def _blocks(widths: list[int], per_stage: int, shortcut: str) -> OrderedDict[str, nn.Module]:
    blocks: OrderedDict[str, nn.Module] = OrderedDict()
    before = widths[0]
    for stage, channels in enumerate(widths):
        for number in range(per_stage):
            halves = stage > 0 and number == 0
            blocks[f"block_{len(blocks)}"] = _block(before, channels, shortcut if halves else None)
            before = channels
    return blocks


def _block(before: int, channels: int, shortcut: str | None) -> nn.Sequential:
    """Make a basic block; one with a shortcut of its own halves the image."""
    first = nn.Conv2d(before, channels, 3, 2, 1, bias=False) if shortcut else SameConv2d(before, channels, bias=False)
    branch: OrderedDict[str, nn.Module] = OrderedDict(
        conv_0=_initialised(first),
        norm_0=BatchNorm2d(channels),
        activation=ReLU(),
        conv_1=_initialised(SameConv2d(channels, channels, bias=False)),
        norm_1=nn.BatchNorm2d(channels),  # torch's own, as in the shortcut and behind the sum: see Residual
    )
    residual = Residual(nn.Sequential(branch), SHORTCUTS[shortcut](before, channels) if shortcut else None)
    return nn.Sequential(OrderedDict(residual=residual, activation=nn.ReLU(inplace=True)))


def _initialised(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv
