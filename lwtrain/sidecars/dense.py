"""The sidecar of layers whose output is flat: a linear autoencoder."""

import math

from torch import nn

from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.rebuilding import Autoencoder, check_dropout, choose_output
from lwtrain.sidecars.supervised import SupervisedAutoencoder


class DenseAutoencoder(Autoencoder):
    """Squeezes a layer's output to `code` numbers by one matrix, and rebuilds the layer's input by another.

    When not to use it: on convolutions. It flattens what it reads, and a matrix grows with the number of pixels.

    Args:
        shape: The layer's input, to rebuild, and its output, to read; of any size.
        depth: How many layers lie below; with 0 the layer's input is an image in [0, 1].
        code: Numbers in the bottleneck.
        output: "sigmoid", "linear", or "auto": sigmoid for the first layer and linear for all others.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> autoencoder = DenseAutoencoder(LayerShape(inputs=(1, 28, 28), outputs=(256, 1, 1)), depth=0, code=32)
        >>> autoencoder.bottleneck, autoencoder(torch.rand(2, 256, 1, 1)).shape
        ((32, 1, 1), torch.Size([2, 1, 28, 28]))
    """

    def __init__(self, shape: LayerShape, *, depth: int, code: int = 64, output: str = "auto") -> None:
        if code < 1:
            raise ValueError(f"encoder.code={code}: choose 1 or more")
        bottleneck = (code, 1, 1)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape.outputs), code), nn.Unflatten(1, bottleneck))
        decoder = nn.Sequential(nn.Flatten(), nn.Linear(code, math.prod(shape.inputs)), nn.Unflatten(1, shape.inputs))
        super().__init__(encoder, decoder, bottleneck, choose_output(output, depth))


@SIDECARS.register("dense")
def dense(
    name: str,  # noqa: ARG001
    shape: LayerShape,
    num_classes: int,
    *,
    depth: int,
    code: int = 64,
    dropout: float = 0.1,
    hidden: int = 512,
    output: str = "auto",
) -> SupervisedAutoencoder:
    """Build a `DenseAutoencoder` with supervision on its bottleneck."""
    check_dropout(dropout)
    autoencoder = DenseAutoencoder(shape, depth=depth, code=code, output=output)
    return SupervisedAutoencoder(autoencoder, num_classes, dropout=dropout, hidden=hidden)
