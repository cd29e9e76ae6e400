"""What every objective promises."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lwtrain.backbones.backbone import Shape
from lwtrain.sidecars.sidecar import SidecarOutput


class Losses(NamedTuple):
    """The total to minimise and the terms in it, scalars in float32; a term that took no part is None."""

    total: Tensor
    prediction: Tensor | None = None
    reconstruction_labelled: Tensor | None = None
    reconstruction_unlabelled: Tensor | None = None
    alpha: Tensor | None = None


class Objective(nn.Module, ABC):
    """Turns a sidecar's output into losses.

    Promises losses in float32, under autocast too, and that an absent term (no labelled rows, no unlabelled rows, no
    decoder, no weight) is not computed.

    Attributes:
        rebuilds: Whether it looks at the reconstruction of any row; if not, the sidecar need not make one.
        rebuilds_unlabelled: Whether it looks at that of unlabelled rows; if not, the sidecar need not read them.
        rebuilds_images: Whether these must be the images that entered the network, rather than what entered the layer.
        reads_features: Whether it looks at the layer's output itself: then it finds it in the sidecar's.
        reads_images: Whether it looks at the images that entered the network: likewise.
        reads_projection: Whether it looks at what the sidecar projects the layer's output to: likewise.
        compares_rows: Whether the loss compares rows of the batch, so that the losses of slices would not add up to the
            batch's.
        probes: Whether the logits are read off the features without gradient: then the prediction teaches the sidecar
            alone, and the layer learns from what else there is.
    """

    rebuilds: bool = True
    rebuilds_unlabelled: bool = True
    rebuilds_images: bool = False
    reads_features: bool = False
    reads_images: bool = False
    reads_projection: bool = False
    compares_rows: bool = False
    probes: bool = False

    def forward(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:
        """The losses of one batch.

        Args:
            output: Of the sidecar, for all rows or with logits of the labelled rows only.
            inputs: (batch, channels, height, width), what entered the layer; beside a sidecar that rebuilds images,
                what entered the network.
            labels: (labelled rows,), of the first rows of the batch; all others count as unlabelled. Of blended rows
                (labelled rows, classes), how much of each class is in them; not where the loss compares rows.
        """
        with torch.autocast(inputs.device.type, enabled=False):
            return self.losses(output, inputs, labels)

    def take_place(self, num_layers: int) -> None:
        """Learn how many layers there are, for losses that change on the way from the first to the last.

        Args:
            num_layers: The head not counted.

        Raises:
            ValueError: If there is nothing left for this one to learn.
        """

    def check_outputs(self, outputs: Shape) -> None:
        """Refuse a layer whose output it cannot compare, before anything is trained.

        Args:
            outputs: (channels, height, width), what leaves the layer, before the map.

        Raises:
            ValueError: If there is no way to take it.
        """

    @abstractmethod
    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:
        """As `forward`, with autocast switched off."""
