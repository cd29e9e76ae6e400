"""A map without sense: a fixed shuffle, to learn what a map has to keep."""

import torch
from torch import Tensor, nn

from lwtrain.backbones.backbone import Shape
from lwtrain.maps import MAPS


@MAPS.register("random")
class RandomMap(nn.Module):
    """Puts a fixed random choice of the input's numbers into the output's places; no number twice unless there are few.

    The permutation is kept as an index of as many numbers as the output has, not as a matrix of inputs times outputs.
    It is drawn when the map is made and stored with the weights.

    Args:
        inputs: (channels, height, width) of what it reads.
        outputs: The same of what it gives.

    Example:
        >>> numbers = torch.arange(6.0).reshape(1, 6, 1, 1)
        >>> sorted(RandomMap((6, 1, 1), (3, 2, 1))(numbers).flatten().tolist())
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    """

    places: Tensor

    def __init__(self, inputs: Shape, outputs: Shape) -> None:
        super().__init__()
        self.outputs = outputs
        size, wanted = (channels * height * width for channels, height, width in (inputs, outputs))
        rounds = [torch.randperm(size) for _ in range(-(-wanted // size))]
        self.register_buffer("places", torch.cat(rounds)[:wanted])

    def forward(self, inputs: Tensor) -> Tensor:
        """Give (batch, *outputs) from (batch, *inputs), channels last in memory."""
        channels, height, width = self.outputs
        pixels = inputs.permute(0, 2, 3, 1).flatten(start_dim=1)  # a view where channels lie last
        return pixels.index_select(1, self.places).unflatten(1, (height, width, channels)).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Say how many numbers come out."""
        return f"{len(self.places)} places"
