"""A map that learns: one convolution, trained with the layer above it."""

from torch import Tensor, nn

from lwtrain.backbones.backbone import Shape
from lwtrain.maps import MAPS


@MAPS.register("conv")
class ConvMap(nn.Module):
    """One 3x3 convolution from one shape to another, of stride 2 where the image is halved.

    The layer below is at rest when the one above trains, so whatever stands between them and has weights learns with
    the upper one; see `lwtrain.building`.

    Args:
        inputs: (channels, height, width) of what it reads.
        outputs: The same of what it gives. Height and width are the input's or, as after a pooling, half of it,
            rounded down.

    Raises:
        ValueError: If the sizes are others.

    Example:
        >>> import torch
        >>> ConvMap((64, 7, 8), (3, 3, 4))(torch.rand(2, 64, 7, 8)).shape
        torch.Size([2, 3, 3, 4])
    """

    def __init__(self, inputs: Shape, outputs: Shape) -> None:
        sizes = list(zip(inputs[1:], outputs[1:], strict=True))
        if any(after == 0 or after not in (before, before // 2) for before, after in sizes):
            raise ValueError(f"map=conv: cannot make {outputs} of {inputs}, only as large or half as large")
        super().__init__()
        down, across = (1 if after == before else 2 for before, after in sizes)
        # Without padding, every second window of three fits an odd size exactly, and leaves half of it rounded down.
        padding = 1 - inputs[1] % down, 1 - inputs[2] % across
        self.conv = nn.Conv2d(inputs[0], outputs[0], 3, stride=(down, across), padding=padding)

    def forward(self, inputs: Tensor) -> Tensor:
        """Give (batch, *outputs) from (batch, *inputs)."""
        return self.conv(inputs)
