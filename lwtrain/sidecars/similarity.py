"""The light sidecar with a convolution beside the classifier, whose output is compared row by row."""

from collections.abc import Iterator

from torch import Tensor, nn

from lwtrain.backbones.backbone import LayerShape
from lwtrain.convolution import SameConv2d
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.pool import PoolSidecar


class SimilaritySidecar(PoolSidecar):
    """A `PoolSidecar` that projects the layer's output by one 3x3 convolution, for objectives that compare rows.

    The convolution takes from the layer's own features the need to be alike themselves. It costs about as much as a
    layer of the same width, in time and in memory. The sidecar of predsim in Nøkland and Eidnes (2019,
    arXiv:1901.06656).

    Args:
        shape: The layer's input and output.
        num_classes: Number of logits.
        grid: As of `PoolSidecar`.

    Example:
        >>> import torch
        >>> sidecar = SimilaritySidecar(LayerShape(inputs=(3, 8, 8), outputs=(16, 8, 8)), num_classes=10, grid=2)
        >>> sidecar.project(torch.rand(4, 16, 8, 8)).shape
        torch.Size([4, 16, 8, 8])
    """

    def __init__(self, shape: LayerShape, num_classes: int, *, grid: int = 4) -> None:
        super().__init__(shape, num_classes, grid=grid)
        channels = shape.outputs[0]
        self.projection = SameConv2d(channels, channels, 3, bias=False)

    def project(self, features: Tensor) -> Tensor:
        """Give what rows are compared by, of the features' shape."""
        return self.projection(features)

    def projection_parameters(self) -> Iterator[nn.Parameter]:
        """What only `project` needs."""
        return self.projection.parameters()


@SIDECARS.register("similarity")
def similarity(name: str, shape: LayerShape, num_classes: int, *, depth: int, grid: int = 4) -> SimilaritySidecar:  # noqa: ARG001
    """Build a `SimilaritySidecar`; it is the same for all layers."""
    return SimilaritySidecar(shape, num_classes, grid=grid)
