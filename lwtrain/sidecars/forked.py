"""What sidecars have in common whose classifier and decoder both read the layer's output, and share nothing."""

from abc import abstractmethod

from torch import Tensor, nn

from lwtrain.batch_rows import first_rows
from lwtrain.sidecars.sidecar import Sidecar, SidecarOutput


class ForkedSidecar(Sidecar):
    """A sidecar with two branches, so that neither of them computes anything for the other.

    Attributes:
        classifier: Turns the layer's output into logits.
    """

    rebuilds = True
    classifier: nn.Module

    def forward(self, features: Tensor, num_labelled: int | None = None, probe: bool = False) -> SidecarOutput:
        """Classify the first `num_labelled` rows (all of them if None) and rebuild all rows."""
        read = first_rows(features, num_labelled)
        return SidecarOutput(self.classify(read.detach() if probe else read), self.rebuild(features))

    def classify(self, features: Tensor) -> Tensor:
        """The logits of all rows, (batch, classes)."""
        return self.classifier(features)

    @abstractmethod
    def rebuild(self, features: Tensor) -> Tensor:
        """Give the reconstruction of all rows."""
