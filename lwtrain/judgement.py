"""What the vote says of the validation images, as a fit has heard it."""

from typing import NamedTuple

from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from lwtrain.measured_network import MeasuredNetwork


class Judgement(NamedTuple):
    """The vote of the layers that have been heard.

    Attributes:
        voters: Their numbers, in order.
        shares: (images, classes) class probabilities, of this process's share of the images.
        labels: (images,) true classes.
        counts: (classes, classes) how many of which class are taken for which, over all processes, the true one first.
    """

    voters: list[int]
    shares: Tensor
    labels: Tensor
    counts: Tensor

    @property
    def accuracy(self) -> float:
        """The share of the images that are taken for what they are."""
        return float(self.counts.diagonal().sum() / self.counts.sum().clamp_min(1))


def judgement(network: MeasuredNetwork) -> Judgement | None:
    """Count what has been heard; None if nobody has spoken. All processes have to ask."""
    heard = [voter for voter in network.voter_numbers if network.ballots.knows([voter])]
    if not heard:
        return None
    shares, labels = network.ballots.vote(heard, network.weigh(heard))
    matrix = MulticlassConfusionMatrix(network.num_classes, validate_args=False).to(shares.device)
    matrix.update(shares, labels)
    return Judgement(heard, shares, labels, matrix.compute())
