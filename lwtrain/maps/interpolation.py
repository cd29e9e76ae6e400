"""A map without weights that squeezes any shape into any other."""

import torch.nn.functional as F
from torch import Tensor, nn

from lwtrain.backbones.backbone import Shape
from lwtrain.maps import MAPS


@MAPS.register("interpolation")
class Interpolation(nn.Module):
    """Averages (or repeats) neighbours until the shape is right, over channels as over rows and columns.

    From c channels to 3 of the same size, each output channel is the mean of a third of the input's. That keeps where
    things are and loses which feature it was: the layer above sees a blurred image of what the one below has learned.

    Args:
        inputs: (channels, height, width) of what it reads.
        outputs: The same of what it gives.

    Example:
        >>> import torch
        >>> features = torch.arange(4.0).reshape(1, 4, 1, 1)
        >>> Interpolation((4, 1, 1), (2, 1, 1))(features).flatten()
        tensor([0.5000, 2.5000])
    """

    def __init__(self, inputs: Shape, outputs: Shape) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Give (batch, *outputs) from (batch, *inputs), channels last in memory."""
        channels, height, width = self.outputs
        # Channels stand where they lie, as the innermost of three dimensions that are all averaged alike.
        pixels = inputs.permute(0, 2, 3, 1).unsqueeze(1)
        return F.interpolate(pixels, size=(height, width, channels), mode="area").squeeze(1).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Say from what to what."""
        return f"{self.inputs} -> {self.outputs}"
