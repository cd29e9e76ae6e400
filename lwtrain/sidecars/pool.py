"""The lightest sidecar: it averages a layer's output to a small grid and reads the class off it."""

from collections import OrderedDict

from torch import Tensor, nn

from lwtrain.backbones.backbone import LayerShape, Shape
from lwtrain.batch_rows import first_rows
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.grid_average import GridAverage
from lwtrain.sidecars.sidecar import Sidecar, SidecarOutput


class PoolSidecar(Sidecar):
    """Average pooling to `grid` x `grid` and one linear layer: no decoder, nothing between the layer and its error.

    The local classifier of Nøkland and Eidnes (2019, arXiv:1901.06656). It keeps next to nothing in memory for
    backward, where the encoders a, b and c may need more than the layer they train. It cannot learn from unlabelled
    images: with few labels take one of those.

    Args:
        shape: The layer's input and output.
        num_classes: Number of logits.
        grid: Positions per side that the linear layer sees; a smaller output is seen as it is. The paper's code
            averages until at most 4,096 numbers are left: those of 256 channels on a 4 x 4 grid.

    Raises:
        ValueError: If `grid` is below 1.

    Example:
        >>> import torch
        >>> sidecar = PoolSidecar(LayerShape(inputs=(3, 32, 32), outputs=(64, 32, 32)), num_classes=10, grid=2)
        >>> sidecar(torch.rand(4, 64, 32, 32)).logits.shape
        torch.Size([4, 10])
        >>> sidecar.classifier.classes
        Linear(in_features=256, out_features=10, bias=True)
    """

    rebuilds = False

    def __init__(self, shape: LayerShape, num_classes: int, *, grid: int = 4) -> None:
        super().__init__()
        self.classifier = grid_classifier(shape.outputs, num_classes, grid)

    @property
    def inputs(self) -> int:
        """How many numbers the linear layer reads of each image."""
        classes = self.classifier[-1]
        assert isinstance(classes, nn.Linear)
        return classes.in_features

    def forward(self, features: Tensor, num_labelled: int | None = None, probe: bool = False) -> SidecarOutput:
        """Classify the first `num_labelled` rows (all of them if None)."""
        read = first_rows(features, num_labelled)
        return SidecarOutput(self.classify(read.detach() if probe else read), reconstruction=None)

    def classify(self, features: Tensor) -> Tensor:
        """The logits of all rows, (batch, classes)."""
        return self.classifier(features)


def grid_classifier(outputs: Shape, num_classes: int, grid: int) -> nn.Sequential:
    """Make the classifier of a `PoolSidecar`.

    Args:
        outputs: (channels, height, width) of what it reads.
        num_classes: Number of logits.
        grid: Positions per side that the linear layer sees.

    Raises:
        ValueError: If `grid` is below 1.
    """
    if grid < 1:
        raise ValueError(f"encoder.grid={grid}: choose 1 or more")
    channels, height, width = outputs
    # Without the minimum, a 2 x 2 output would be repeated to 4 x 4: four weights for one number.
    rows, columns = min(grid, height), min(grid, width)
    classifier: OrderedDict[str, nn.Module] = OrderedDict(
        pool=GridAverage(rows, columns),
        flatten=nn.Flatten(),
        classes=nn.Linear(channels * rows * columns, num_classes),
    )
    return nn.Sequential(classifier)


@SIDECARS.register("pool")
def pool(name: str, shape: LayerShape, num_classes: int, *, depth: int, grid: int = 4) -> PoolSidecar:  # noqa: ARG001
    """Build a `PoolSidecar`; it is the same for all layers."""
    return PoolSidecar(shape, num_classes, grid=grid)
