"""What every sidecar promises."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn


class SidecarOutput(NamedTuple):
    """What a sidecar makes of a layer's output.

    Attributes:
        logits: (labelled rows, classes).
        reconstruction: Of the layer's input (or the network's; see `Sidecar.rebuilds_images`), for every row; None from
            a sidecar without decoder.
        features: What the sidecar read, for objectives that look at the layer's output themselves.
        images: What entered the network, for objectives that compare with it.
        projection: What rows are compared by, for objectives that do so.
    """

    logits: Tensor
    reconstruction: Tensor | None
    features: Tensor | None = None
    images: Tensor | None = None
    projection: Tensor | None = None


class Sidecar(nn.Module, ABC):
    """Reads a layer's output, classifies it and may rebuild the layer's input.

    Promises that `classify` computes nothing that the logits do not need, and that unlabelled rows never enter the
    linear layers of the supervision.

    Attributes:
        rebuilds: Whether there is a decoder.
        rebuilds_images: Whether that rebuilds the images that entered the network, rather than the layer's input.
    """

    rebuilds: bool
    rebuilds_images: bool = False

    @abstractmethod
    def forward(self, features: Tensor, num_labelled: int | None = None, probe: bool = False) -> SidecarOutput:
        """Classify the first rows and rebuild all.

        Args:
            features: (batch, channels, height, width), the layer's output before the map.
            num_labelled: How many rows to classify; all of them if None.
            probe: Whether the prediction is to teach the classifier alone, and nothing that the decoder needs.
        """

    @property
    def inverse(self) -> nn.Module | None:
        """What rebuilds the layer's input from nothing but the layer's output; None where there is no such thing."""
        return None

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """What only the reconstruction needs; nothing by default."""
        return iter(())

    def project(self, features: Tensor) -> Tensor:
        """Give what objectives compare rows by: the features themselves by default."""
        return features

    def projection_parameters(self) -> Iterator[nn.Parameter]:
        """What only `project` needs; nothing by default."""
        return iter(())

    @abstractmethod
    def classify(self, features: Tensor) -> Tensor:
        """The logits of all rows, (batch, classes), without the decoder: for validation and prediction."""
