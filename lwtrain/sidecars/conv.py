"""The sidecar of greedy layer-wise learning: a few convolutions before the grid that the class is read off."""

from collections import OrderedDict

from torch import nn

from lwtrain.activations import ReLU
from lwtrain.backbones.backbone import LayerShape
from lwtrain.convolution import SameConv2d
from lwtrain.normalisation import BatchNorm2d
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.pool import PoolSidecar


class ConvSidecar(PoolSidecar):
    """A `PoolSidecar` that reads the layer's output through `convs` hidden layers: 3x3 convolution, batch norm, ReLU.

    The auxiliary classifier of Belilovsky, Eickenberg and Oyallon (2019, arXiv:1812.11446): together with the layer it
    makes a problem of k = `convs` + 1 hidden layers. The more there are, the less a layer has to tell the classes apart
    by itself, and the better it serves those above. A hidden layer has as many channels as the layer's output, and
    costs about what a layer of that width costs, in time and in memory.

    Args:
        shape: The layer's input and output.
        num_classes: Number of logits.
        convs: Hidden layers; with 0 it is a `PoolSidecar`.
        grid: As of `PoolSidecar`.

    Raises:
        ValueError: If `convs` is below 0 or `grid` below 1.

    Example:
        >>> sidecar = ConvSidecar(LayerShape(inputs=(3, 8, 8), outputs=(16, 8, 8)), num_classes=10, convs=1)
        >>> sidecar.classifier
        Sequential(
          (conv_0): SameConv2d(16, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
          (norm_0): BatchNorm2d(16, ...)
          (activation_0): ReLU(inplace=True)
          (pool): GridAverage(2, 2)
          (flatten): Flatten(start_dim=1, end_dim=-1)
          (classes): Linear(in_features=64, out_features=10, bias=True)
        )
    """

    def __init__(self, shape: LayerShape, num_classes: int, *, convs: int = 1, grid: int = 2) -> None:
        if convs < 0:
            raise ValueError(f"encoder.convs={convs}: choose 0 or more")
        super().__init__(shape, num_classes, grid=grid)
        channels = shape.outputs[0]
        hidden: OrderedDict[str, nn.Module] = OrderedDict()
        for number in range(convs):
            hidden[f"conv_{number}"] = SameConv2d(channels, channels, bias=False)
            hidden[f"norm_{number}"] = BatchNorm2d(channels)
            hidden[f"activation_{number}"] = ReLU()
        self.classifier = nn.Sequential(OrderedDict([*hidden.items(), *self.classifier.named_children()]))


@SIDECARS.register("conv")
def conv(
    name: str,  # noqa: ARG001
    shape: LayerShape,
    num_classes: int,
    *,
    depth: int,  # noqa: ARG001
    convs: int = 1,
    grid: int = 2,
) -> ConvSidecar:
    """Build a `ConvSidecar`; it is the same for all layers."""
    return ConvSidecar(shape, num_classes, convs=convs, grid=grid)
