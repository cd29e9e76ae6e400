"""How the vote is counted: what each layer's opinion weighs, and whether an image is judged with its mirror image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lwtrain.registry import choices_hint

WEIGHTS = ("equal", "doubling", "accuracy", "likelihood")
BY_VALIDATION = ("accuracy", "likelihood")  # those that follow from the validation images
_LEAST_ERROR = 1e-4  # half an image of 5,000: what fewer mistakes say of a layer is chance
LEAST_PROBABILITY = 1e-12  # of what happened all the same: no loss is infinite
_STEPS = 200  # after n of them the mean log likelihood is within log(layers) / n of the best; in practice much nearer


@dataclass(frozen=True)
class VoteRule:
    """How the vote of a network's layers is counted.

    Args:
        weights: "equal": all votes are worth the same. "doubling": each layer's is worth twice that of the layer below;
            Belilovsky et al. 2019, arXiv:1812.11446. "accuracy": by the last validation's accuracies; see `log_odds`.
            "likelihood": those that make its labels most likely; see `likeliest_mixture`.
        flips: Whether each image is judged together with its mirror image: each layer's vote is then the mean of the
            class probabilities that it gives the two. A fit validates without, for its fronts hold one view of each
            image.

    Raises:
        ValueError: If there are no such weights.

    Example:
        >>> unheard = torch.zeros(3)
        >>> VoteRule("doubling").weigh([0, 2], accuracies=unheard, mixture=unheard, num_classes=10)
        tensor([0.2000, 0.8000])
    """

    weights: str = "equal"
    flips: bool = False

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            raise ValueError(f"vote.weights={self.weights}: {choices_hint(str(self.weights), list(WEIGHTS))}")

    def weigh(self, layers: Sequence[int], *, accuracies: Tensor, mixture: Tensor, num_classes: int) -> Tensor:
        """Give the weights of some layers' votes, (len(layers),), which sum to 1.

        Args:
            layers: The numbers of those that vote.
            accuracies: Of all layers, (num_layers,), in validation; 0 for those that none has heard.
            mixture: What all layers weigh in the mixture that validation found, (num_layers,); 0 as above.
            num_classes: How many classes they tell apart.
        """
        weights: list[float] = []
        if self.weights == "doubling":
            weights = [2.0 ** (layer - max(layers)) for layer in layers]
        elif self.weights == "accuracy":
            weights = [log_odds(accuracy, num_classes) for accuracy in accuracies[list(layers)].tolist()]
        elif self.weights == "likelihood":
            weights = mixture[list(layers)].tolist()
        if not any(weights):  # equal votes, or nothing speaks for any of them
            weights = [1.0] * len(layers)
        return torch.tensor([weight / sum(weights) for weight in weights], device=accuracies.device)


def log_odds(accuracy: float, num_classes: int) -> float:
    """Give what a vote is worth by how often it is right: log((1 - error) / error) + log(num_classes - 1).

    Those of AdaBoost for many classes: Zhu et al. 2009, "Multi-class AdaBoost", algorithm 2 (SAMME). 0 for a layer that
    is right no more often than chance, and bounded for one that makes no mistake.

    Example:
        >>> round(log_odds(0.9, num_classes=2), 4), log_odds(0.1, num_classes=10), log_odds(0.0, num_classes=10)
        (2.1972, 0.0, 0.0)
    """
    error = max(1 - accuracy, _LEAST_ERROR)
    return math.log(max((1 - error) / error * (num_classes - 1), 1.0))


def likeliest_mixture(truths: Tensor) -> Tensor:
    """Give what layers weigh, (layers,), in that mixture of them which makes the true classes of images most likely.

    By expectation maximization, from equal weights: a layer's next weight is its share in what the mixture gives the
    true class, on average. Smyth and Wolpert 1999, "Linearly combining density estimators via stacking". A layer that
    adds nothing to the others comes to weigh next to nothing.

    Args:
        truths: The probability that each layer gives the true class of each image, (layers, images).

    Example:
        >>> likeliest_mixture(torch.tensor([[0.9, 0.9, 0.1], [0.1, 0.1, 0.9], [0.1, 0.1, 0.1]])).numpy().round(2)
        array([0.71, 0.29, 0.  ])
    """
    truths = truths.cpu().double().clamp_min(LEAST_PROBABILITY)
    weights = torch.full((len(truths),), 1 / len(truths), dtype=truths.dtype)
    for _ in range(_STEPS):
        weights = weights * (truths @ (1 / (weights @ truths))) / truths.shape[1]
    return weights


def count_votes(probabilities: Tensor, weights: Tensor) -> Tensor:
    """Give the vote, (images, classes), of layers' class probabilities, (layers, images, classes), by their weights."""
    return (probabilities * weights.to(probabilities)[:, None, None]).sum(dim=0)


def mirrored(images: Tensor) -> Tensor:
    """Swap left and right of images, (batch, channels, height, width).

    Raises:
        ValueError: If they are no images but vectors.
    """
    if images.ndim != 4:
        raise ValueError("vote.flips=true: vectors have no left and right; choose false")
    return images.flip(dims=(3,))
