"""What each layer said of images that it never learned from, kept until it trains again: a vote is only a mean."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lwtrain.votes import count_votes


class Ballots:
    """The class probabilities that layers gave for one set of images.

    Promise: what is kept belongs to the network as it stands. A layer that trains again changes what all layers above
    it read, so `reopen` throws away its ballots and theirs.

    Attributes:
        announced: The layers of whose opinion the figures have been written down.
    """

    def __init__(self) -> None:
        self.announced: set[int] = set()
        self._cast: dict[int, list[Tensor]] = {}
        self._labels: dict[int, list[Tensor]] = {}

    def reopen(self, layer: int) -> None:
        """Forget what `layer` and all layers above it said."""
        self.announced = {known for known in self.announced if known < layer}
        for known in [known for known in self._cast if known >= layer]:
            del self._cast[known], self._labels[known]

    def cast(self, layer: int, probabilities: Tensor, labels: Tensor) -> None:
        """Add one batch: class probabilities, (batch, classes), and the true labels, (batch,)."""
        self._cast.setdefault(layer, []).append(probabilities)
        self._labels.setdefault(layer, []).append(labels)

    def known(self) -> list[int]:
        """Give the layers, in order, that have given their opinion of the network as it stands."""
        return sorted(self._cast)

    def knows(self, layers: Iterable[int]) -> bool:
        """Whether all of these layers have given their opinion of the network as it stands."""
        return all(layer in self._cast for layer in layers)

    def announce(self) -> list[int]:
        """Give the layers, in order, whose opinion is news: each of them once."""
        news = sorted(self._cast.keys() - self.announced)
        self.announced.update(news)
        return news

    def of(self, layer: int) -> tuple[Tensor, Tensor]:
        """Give a layer's probabilities, (images, classes), and the true labels, (images,)."""
        return torch.cat(self._cast[layer]), torch.cat(self._labels[layer])

    def vote(self, layers: Sequence[int], weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give the weighted mean of several layers' probabilities, (images, classes), and the true labels, (images,).

        Args:
            layers: Who votes.
            weights: What their votes weigh, (len(layers),), 1 in all; by default the same.

        Example:
            >>> ballots, labels = Ballots(), torch.tensor([1])
            >>> ballots.cast(0, torch.tensor([[0.5, 0.5]]), labels)
            >>> ballots.cast(1, torch.tensor([[0.0, 1.0]]), labels)
            >>> ballots.vote([0, 1])[0], ballots.vote([0, 1], torch.tensor([0.2, 0.8]))[0]
            (tensor([[0.2500, 0.7500]]), tensor([[0.1000, 0.9000]]))
        """
        if weights is None:
            weights = torch.full((len(layers),), 1 / len(layers))
        opinions = [self.of(layer) for layer in layers]
        return count_votes(torch.stack([probabilities for probabilities, _ in opinions]), weights), opinions[0][1]
