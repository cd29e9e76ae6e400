"""Sidecars that rebuild a layer's input from its output: the encoders a, b and c and their mirrored decoders."""

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise

from torch import nn

from lwtrain.activations import LeakyReLU
from lwtrain.backbones.backbone import LayerShape, Shape
from lwtrain.convolution import SameConv2d
from lwtrain.pooling import MaxPool2d
from lwtrain.registry import choices_hint
from lwtrain.sidecars.channel_dropout import DroppingLeakyReLU
from lwtrain.sidecars.rebuilding import Autoencoder, check_dropout, check_kernel_size, choose_output

# Channels after each pooling of the encoder, as multiples of the layer's channels.
ENCODERS: dict[str, tuple[float, ...]] = {"a": (2, 4), "b": (2,), "c": (0.5,)}
ACTIVATIONS: dict[str, Callable[[float], nn.Module]] = {
    "channel": DroppingLeakyReLU,
    "element": lambda p: nn.Sequential(LeakyReLU(), nn.Dropout(p)),
}  # with the kind of dropout behind them


class SidecarAutoencoder(Autoencoder):
    """Squeezes a layer's output through a bottleneck and rebuilds the layer's *input* from it.

    Every encoder block halves height and width (rounding up) and convolves; the decoder goes back through the same
    sizes and channels and closes with a convolution to the input's shape, which it meets exactly for any size. Each
    convolution but the last has batch norm, LeakyReLU and dropout. From c channels of s x s positions:

    | name | bottleneck |
    |---|---|
    | a | 4c x s/4 x s/4, by way of 2c x s/2 x s/2 |
    | b | 2c x s/2 x s/2 |
    | c | c/2 x s/2 x s/2 |

    Args:
        name: One of "a", "b", "c".
        shape: The layer's input, to rebuild, and its output, to read.
        depth: How many layers lie below; with 0 the layer's input is an image in [0, 1].
        dropout: Probability of dropping a channel or an element.
        dropout_kind: "channel" drops whole channels; "element", as published, spends more time on drawing random
            numbers than the convolutions take on a CPU.
        output: "sigmoid" rebuilds values in [0, 1] only, and does so in float32; "linear" rebuilds any; "auto" is
            sigmoid for the first layer and linear for all others. Published: always sigmoid.
        kernel_size: Of every convolution; odd.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> shape = LayerShape(inputs=(3, 9, 9), outputs=(8, 9, 9))
        >>> autoencoder = SidecarAutoencoder("a", shape, depth=0)
        >>> autoencoder.bottleneck, autoencoder(torch.rand(2, 8, 9, 9)).shape
        ((32, 3, 3), torch.Size([2, 3, 9, 9]))
    """

    def __init__(
        self,
        name: str,
        shape: LayerShape,
        *,
        depth: int,
        dropout: float = 0.1,
        dropout_kind: str = "channel",
        output: str = "auto",
        kernel_size: int = 3,
    ) -> None:
        _check_settings(name, dropout, dropout_kind, kernel_size)

        def block(resize: nn.Module, channels_in: int, channels_out: int) -> nn.Sequential:
            pieces: OrderedDict[str, nn.Module] = OrderedDict(
                resize=resize,
                conv=SameConv2d(channels_in, channels_out, kernel_size),
                norm=nn.BatchNorm2d(channels_out),
                activation=ACTIVATIONS[dropout_kind](dropout),
            )
            return nn.Sequential(pieces)

        stations = _stations(shape.outputs, ENCODERS[name])
        encoder = [block(MaxPool2d(ceil_mode=True), before[0], after[0]) for before, after in pairwise(stations)]
        decoder: list[nn.Module] = [
            block(nn.Upsample(size=after[1:]), before[0], after[0]) for before, after in pairwise(reversed(stations))
        ]
        if shape.inputs[1:] != shape.outputs[1:]:  # the layer itself pools
            decoder.append(nn.Upsample(size=shape.inputs[1:]))
        decoder.append(SameConv2d(shape.outputs[0], shape.inputs[0], kernel_size))

        output = choose_output(output, depth)
        super().__init__(nn.Sequential(*encoder), nn.Sequential(*decoder), stations[-1], output)


def _stations(outputs: Shape, multiples: tuple[float, ...]) -> list[Shape]:
    """The shapes from the layer's output to the bottleneck."""
    channels, height, width = outputs
    stations = [outputs]
    for multiple in multiples:
        height, width = (height + 1) // 2, (width + 1) // 2
        stations.append((max(1, int(channels * multiple)), height, width))
    return stations


def _check_settings(name: str, dropout: float, dropout_kind: str, kernel_size: int) -> None:
    if name not in ENCODERS:
        raise ValueError(f"encoder={name}: {choices_hint(name, list(ENCODERS))}")
    check_dropout(dropout)
    if dropout_kind not in ACTIVATIONS:
        raise ValueError(f"encoder.dropout_kind={dropout_kind}: {choices_hint(dropout_kind, list(ACTIVATIONS))}")
    check_kernel_size(kernel_size)
