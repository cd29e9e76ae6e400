"""The sidecar that is a layer's mirror image: it leads from the layer's output straight back to its input."""

import math
from collections import OrderedDict
from collections.abc import Iterator

from torch import Tensor, nn

from lwtrain.activations import ReLU
from lwtrain.backbones.backbone import LayerShape
from lwtrain.registry import choices_hint
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.forked import ForkedSidecar
from lwtrain.sidecars.pool import grid_classifier
from lwtrain.sidecars.rebuilding import check_kernel_size, choose_output, output_module
from lwtrain.sidecars.transposed import transposed_convolution

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": ReLU, "none": nn.Identity}


@SIDECARS.register("mirror")
class MirrorSidecar(ForkedSidecar):
    """A decoder alone: the transposed counterpart of the layer, from its output to its input, with no bottleneck.

    The mirrors of all layers, the top one first, make the decoder that fits the layers as an encoder: so the layers
    can learn as one autoencoder, too (`lwtrain.autoencoding`). Between two mirrors stands the activation that stands
    between two layers. By itself a mirror learns without it: a ReLU that is never positive gets no gradient, and many
    of them never were. (MNIST, the code of `conv_autoencoder` on layers trained before, 800 steps: a squared error of
    0.31 with the ReLU, and 0.17 without.) Beside the mirror stands a linear classifier, as in `PoolSidecar`.

    When not to use it: beside a layer that gives more numbers than it reads, and learns from reconstruction alone. With
    nothing to squeeze through, it can rebuild its input and have learned next to nothing.

    Args:
        name: "mirror".
        shape: The layer's input and output. An output of one pixel is led back by a matrix, any other by a transposed
            convolution, whose stride is the ratio of the sizes.
        num_classes: Number of logits.
        depth: How many layers lie below; with 0 the layer's input is an image in [0, 1].
        grid: Positions per side that the classifier sees.
        output: "sigmoid", "linear", or "auto": sigmoid for the first layer and linear for all others.
        activation: "relu", or "none" where layers give numbers below 0: what follows a mirror on the way to the next.
        kernel_size: Of the transposed convolution; odd.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> sidecar = MirrorSidecar("mirror", LayerShape((1, 28, 28), (32, 14, 14)), num_classes=10, depth=0)
        >>> sidecar.inverse(torch.rand(2, 32, 14, 14)).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        name: str,  # noqa: ARG002
        shape: LayerShape,
        num_classes: int,
        *,
        depth: int,
        grid: int = 4,
        output: str = "auto",
        activation: str = "relu",
        kernel_size: int = 5,
    ) -> None:
        check_kernel_size(kernel_size)
        if activation not in ACTIVATIONS:
            raise ValueError(f"encoder.activation={activation}: {choices_hint(activation, list(ACTIVATIONS))}")
        super().__init__()
        pieces: OrderedDict[str, nn.Module] = OrderedDict()
        if shape.outputs[1:] == (1, 1):
            pieces["flatten"] = nn.Flatten()
            pieces["linear"] = nn.Linear(shape.outputs[0], math.prod(shape.inputs))
            pieces["unflatten"] = nn.Unflatten(1, shape.inputs)
        else:
            pieces["conv"] = transposed_convolution(shape.outputs, shape.inputs, kernel_size)
        pieces["output"] = output_module(choose_output(output, depth))
        between = ACTIVATIONS[activation]() if depth else nn.Identity()
        self.way_back = nn.Sequential(OrderedDict(decoder=nn.Sequential(pieces), activation=between))
        self.classifier = grid_classifier(shape.outputs, num_classes, grid)

    def rebuild(self, features: Tensor) -> Tensor:
        """Give the reconstruction of all rows."""
        return self.decoder(features)

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """What only the reconstruction needs."""
        return self.way_back.parameters()

    @property
    def decoder(self) -> nn.Module:
        """What learns by itself: the way back up to the activation."""
        return self.way_back[0]

    @property
    def inverse(self) -> nn.Module:
        """The decoder and the activation behind it: there is nothing else between the layer's output and its input."""
        return self.way_back
