"""Autoencoders whose bottleneck also classifies, first of all those of the layer-wise training report."""

import math
from collections import OrderedDict
from collections.abc import Iterator

from torch import Tensor, nn

from lwtrain.backbones.backbone import LayerShape
from lwtrain.batch_rows import first_rows
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.autoencoder import ENCODERS, SidecarAutoencoder
from lwtrain.sidecars.rebuilding import Autoencoder
from lwtrain.sidecars.sidecar import Sidecar, SidecarOutput


class SupervisedAutoencoder(Sidecar):
    """An autoencoder with supervision on its bottleneck: flatten, FC `hidden`, ReLU, dropout, FC classes.

    Args:
        autoencoder: Reads the layer's output and rebuilds its input.
        num_classes: Number of logits.
        dropout: Probability of dropping a hidden unit of the supervision.
        hidden: Units of the supervision's hidden layer.

    Raises:
        ValueError: If `hidden` is below 1.
    """

    rebuilds = True

    def __init__(self, autoencoder: Autoencoder, num_classes: int, *, dropout: float, hidden: int) -> None:
        if hidden < 1:
            raise ValueError(f"encoder.hidden={hidden}: choose 1 or more")
        super().__init__()
        self.autoencoder = autoencoder
        supervision: OrderedDict[str, nn.Module] = OrderedDict(
            flatten=nn.Flatten(),
            hidden=nn.Linear(math.prod(autoencoder.bottleneck), hidden),
            activation=nn.ReLU(inplace=True),
            dropout=nn.Dropout(dropout),
            classes=nn.Linear(hidden, num_classes),
        )
        self.supervision = nn.Sequential(supervision)

    def forward(self, features: Tensor, num_labelled: int | None = None, probe: bool = False) -> SidecarOutput:
        """Classify the first `num_labelled` rows (all of them if None) and rebuild all rows."""
        code = self.autoencoder.encoder(features)
        read = first_rows(code, num_labelled)
        return SidecarOutput(self.supervision(read.detach() if probe else read), self.autoencoder.decode(code))

    def classify(self, features: Tensor) -> Tensor:
        """The logits of all rows, (batch, classes), without the decoder."""
        return self.supervision(self.autoencoder.encoder(features))

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """What only the reconstruction needs."""
        return self.autoencoder.decoder.parameters()


@SIDECARS.register(*ENCODERS)
class SupervisedSidecarAutoencoder(SupervisedAutoencoder):
    """A `SidecarAutoencoder` with supervision on its bottleneck.

    Args:
        name: The encoder: "a", "b" or "c".
        shape: The layer's input and output.
        num_classes: Number of logits.
        depth: How many layers lie below; with 0 the layer's input is an image in [0, 1].
        dropout: Probability of dropping a channel (or element), and of dropping a hidden unit of the supervision.
        dropout_kind: "channel" or "element".
        hidden: Units of the supervision's hidden layer.
        output: "auto", "sigmoid" or "linear": see `SidecarAutoencoder`.
        kernel_size: Of every convolution; odd.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> shape = LayerShape(inputs=(3, 32, 32), outputs=(64, 32, 32))
        >>> sidecar = SupervisedSidecarAutoencoder("c", shape, num_classes=10, depth=0)
        >>> logits, reconstruction, *_ = sidecar(torch.rand(4, 64, 32, 32), num_labelled=2)
        >>> logits.shape, reconstruction.shape
        (torch.Size([2, 10]), torch.Size([4, 3, 32, 32]))
    """

    def __init__(
        self,
        name: str,
        shape: LayerShape,
        num_classes: int,
        *,
        depth: int,
        dropout: float = 0.1,
        dropout_kind: str = "channel",
        hidden: int = 512,
        output: str = "auto",
        kernel_size: int = 3,
    ) -> None:
        autoencoder = SidecarAutoencoder(
            name,
            shape,
            depth=depth,
            dropout=dropout,
            dropout_kind=dropout_kind,
            output=output,
            kernel_size=kernel_size,
        )
        super().__init__(autoencoder, num_classes, dropout=dropout, hidden=hidden)
