"""Counts ballots: the accuracies of the layers that have spoken, and of their vote."""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.utilities.distributed import gather_all_tensors

from lwtrain.ballots import Ballots
from lwtrain.votes import LEAST_PROBABILITY, likeliest_mixture


class Tally(nn.Module):
    """Turns ballots into figures, over all images of all processes, of which some may have none.

    Args:
        names: What the layers are called, in the tags of their figures.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names, self._mean = names, MeanMetric(nan_strategy="disable")

    def accuracies(self, ballots: Ballots) -> dict[int, Tensor]:
        """Give how often each layer that has spoken was right."""
        return {layer: self._share_right(*ballots.of(layer)) for layer in ballots.known()}

    def mixture(self, ballots: Ballots, voters: Sequence[int]) -> Tensor:
        """Give what voters, all of whom have spoken, weigh in the mixture that their images' labels go with best."""
        truths = torch.stack([_of_true_class(*ballots.of(voter)) for voter in voters], dim=1)
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            truths = torch.cat(gather_all_tensors(truths))
        return likeliest_mixture(truths.T)

    def count(
        self,
        ballots: Ballots,
        voters: Collection[int],
        stage: str,
        expected: Collection[int] = (),
        weigh: Callable[[Sequence[int]], Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Give what is news, by tag.

        Args:
            ballots: What the layers said.
            voters: The layers whose votes are wanted.
            stage: "val" or "test", the middle of the tags.
            expected: Who has to have spoken, besides the voters, for the vote to be complete.
            weigh: Gives what the votes of some layers weigh among them; by default the same.

        Returns:
            Accuracy and cross entropy (`prediction`) of each layer not announced before; `accuracy_so_far` of the vote
            of the voters that have spoken; and the vote's `accuracy` if it is complete.
        """
        figures = {}
        for layer in ballots.announce():
            probabilities, labels = ballots.of(layer)
            losses = -_of_true_class(probabilities, labels).clamp_min(LEAST_PROBABILITY).log()
            figures[f"{self._names[layer]}/{stage}/accuracy"] = self._share_right(probabilities, labels)
            figures[f"{self._names[layer]}/{stage}/prediction"] = self._mean_of_all(losses)
        so_far = [voter for voter in voters if ballots.knows([voter])]
        if so_far:
            vote = self._share_right(*ballots.vote(so_far, weigh(so_far) if weigh else None))
            figures[f"vote/{stage}/accuracy_so_far"] = vote
            if set(so_far) >= {*voters, *expected}:
                figures[f"vote/{stage}/accuracy"] = vote
        return figures

    def _share_right(self, probabilities: Tensor, labels: Tensor) -> Tensor:
        """Give the share of images whose most probable class is the true one; torchmetrics's fails where none is."""
        return self._mean_of_all((probabilities.argmax(dim=1) == labels).float())

    def _mean_of_all(self, values: Tensor) -> Tensor:
        self._mean.reset()
        self._mean.update(values)
        return self._mean.compute()


def _of_true_class(probabilities: Tensor, labels: Tensor) -> Tensor:
    return probabilities.gather(1, labels[:, None]).squeeze(1)
