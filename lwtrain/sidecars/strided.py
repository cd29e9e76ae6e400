"""The sidecar of strided convolutions: the convolutional autoencoder beside a layer."""

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from lwtrain.backbones.backbone import LayerShape, Shape
from lwtrain.normalisation import BatchNorm2d
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.channel_dropout import DroppingLeakyReLU
from lwtrain.sidecars.rebuilding import Autoencoder, check_dropout, check_kernel_size, choose_output
from lwtrain.sidecars.supervised import SupervisedAutoencoder
from lwtrain.sidecars.transposed import transposed_convolution


class StridedAutoencoder(Autoencoder):
    """Squeezes a layer's output by convolutions of stride 2, and rebuilds the layer's input by transposed ones.

    As the encoders a, b and c, with convolutions in the place of poolings and upsamplings: each step down halves height
    and width (rounding up), each step back meets the size it came from, and the last gives the layer's input. All but
    that have batch norm, LeakyReLU and dropout of channels.

    Args:
        shape: The layer's input, to rebuild, and its output, to read; of any size, one pixel included.
        depth: How many layers lie below; with 0 the layer's input is an image in [0, 1].
        steps: How often height and width are halved.
        width: Channels of each step, as a multiple of the layer's.
        dropout: Probability of dropping a channel.
        output: "sigmoid", "linear", or "auto": sigmoid for the first layer and linear for all others.
        kernel_size: Of every convolution; odd.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> autoencoder = StridedAutoencoder(LayerShape(inputs=(3, 9, 9), outputs=(8, 9, 9)), depth=0)
        >>> autoencoder.bottleneck, autoencoder(torch.rand(2, 8, 9, 9)).shape
        ((4, 3, 3), torch.Size([2, 3, 9, 9]))
    """

    def __init__(
        self,
        shape: LayerShape,
        *,
        depth: int,
        steps: int = 2,
        width: float = 0.5,
        dropout: float = 0.1,
        output: str = "auto",
        kernel_size: int = 5,
    ) -> None:
        if steps < 1:
            raise ValueError(f"encoder.steps={steps}: choose 1 or more")
        if width <= 0:
            raise ValueError(f"encoder.width={width}: choose a number above 0")
        check_dropout(dropout)
        check_kernel_size(kernel_size)

        def block(conv: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
            norm, activation = BatchNorm2d(conv.out_channels), DroppingLeakyReLU(dropout)
            return nn.Sequential(OrderedDict(conv=conv, norm=norm, activation=activation))

        def down(before: Shape, after: Shape) -> nn.Conv2d:
            return nn.Conv2d(before[0], after[0], kernel_size, stride=2, padding=kernel_size // 2)

        way_down = _stations(shape.outputs, max(1, round(shape.outputs[0] * width)), steps)
        encoder = [block(down(before, after)) for before, after in pairwise(way_down)]
        *way_back, last = pairwise([*reversed(way_down[1:]), shape.inputs])
        decoder: list[nn.Module] = [block(transposed_convolution(*pair, kernel_size)) for pair in way_back]
        decoder.append(transposed_convolution(*last, kernel_size))
        output = choose_output(output, depth)
        super().__init__(nn.Sequential(*encoder), nn.Sequential(*decoder), way_down[-1], output)


def _stations(outputs: Shape, channels: int, steps: int) -> list[Shape]:
    """Give the shapes from the layer's output to the bottleneck."""
    stations = [outputs]
    for _ in range(steps):
        _, height, width = stations[-1]
        stations.append((channels, (height + 1) // 2, (width + 1) // 2))
    return stations


@SIDECARS.register("strided")
def strided(
    name: str,  # noqa: ARG001
    shape: LayerShape,
    num_classes: int,
    *,
    depth: int,
    steps: int = 2,
    width: float = 0.5,
    dropout: float = 0.1,
    hidden: int = 512,
    output: str = "auto",
    kernel_size: int = 5,
) -> SupervisedAutoencoder:
    """Build a `StridedAutoencoder` with supervision on its bottleneck."""
    autoencoder = StridedAutoencoder(
        shape, depth=depth, steps=steps, width=width, dropout=dropout, output=output, kernel_size=kernel_size
    )
    return SupervisedAutoencoder(autoencoder, num_classes, dropout=dropout, hidden=hidden)
