"""Mutual information by binning: numbers are rounded to bins, and what is left is counted."""

import math

import torch
from torch import Tensor

from lwtrain.information import ESTIMATORS
from lwtrain.information.samples import are_finite, are_labels, as_rows, check_pairs

_LARGEST = 2**62  # of 64 bits with a sign


def mutual_information(x: Tensor, y: Tensor) -> Tensor:
    """Give the mutual information of two discrete variables in bits, from how often values occur together.

    Args:
        x: (samples,), integers.
        y: (samples,), integers.

    Returns:
        ``H(x) + H(y) - H(x, y)``, a scalar.

    Example:
        >>> coin = torch.tensor([0, 0, 1, 1])
        >>> mutual_information(coin, coin), mutual_information(coin, torch.tensor([0, 1, 0, 1]))
        (tensor(1.), tensor(0.))
    """
    return entropy(x) + entropy(y) - entropy(paired(x, y))


def entropy(values: Tensor) -> Tensor:
    """Give the entropy of a discrete variable, (samples,), in bits.

    Example:
        >>> entropy(torch.tensor([3, 5, 7, 9]))
        tensor(2.)
    """
    _, counts = torch.unique(values, return_counts=True)
    shares = counts.double() / len(values)
    return -(shares * shares.log2()).sum().float() + 0.0  # no -0


class Binning:
    """Mutual information in bits as an `Estimator`, of numbers cut into bins of the same width.

    Shwartz-Ziv and Tishby (2017, arXiv:1703.00810), section 2: 30 bins over the range of an activation. A sample is
    told from another where any of its numbers is in another bin. So this is for narrow layers and many samples: among m
    samples of a wide layer no two agree, and the estimate is what log2 m and the labels' entropy allow, whatever the
    layer does (Saxe et al. 2018, "On the information bottleneck theory of deep learning").

    Args:
        bins: Into how many the range from the smallest to the largest number is cut.

    Raises:
        ValueError: If there are fewer than two bins.

    Example:
        >>> x = torch.tensor([0.0, 0.1, 0.9, 1.0])
        >>> Binning(bins=2).criterion(x, torch.tensor([0, 0, 1, 1]))
        tensor(1.)
    """

    def __init__(self, bins: int = 30) -> None:
        if bins < 2:
            raise ValueError(f"bins={bins}: choose 2 or more")
        self.bins = bins

    @torch.no_grad()
    def criterion(self, x: Tensor, y: Tensor) -> Tensor:
        """Give the mutual information of samples (samples, ...) or of labels (samples,)."""
        check_pairs(x, y)
        if not are_finite(x, y):
            return torch.tensor(torch.nan)
        return mutual_information(self._symbols(x), self._symbols(y))

    def _symbols(self, samples: Tensor) -> Tensor:
        if are_labels(samples):
            return samples
        rows = as_rows(samples)
        low, high = rows.aminmax()
        width = ((high - low) / self.bins).clamp(min=torch.finfo(rows.dtype).tiny)
        return numbered(((rows - low) / width).long().clamp(max=self.bins - 1))


def paired(x: Tensor, y: Tensor) -> Tensor:
    """Give pairs of integers that are the same the same number, and others another: (samples,)."""
    return numbered(torch.stack([x, y], dim=1))


def numbered(rows: Tensor) -> Tensor:
    """Give rows that are the same the same number, and others another: (samples, numbers) to (samples,).

    Where few columns make up a row, they become the digits of one number: to sort numbers is many times faster than to
    sort rows.

    Args:
        rows: Integers.

    Example:
        >>> numbered(torch.tensor([[7, 0], [5, 2], [7, 0]]))
        tensor([0, 1, 0])
    """
    lowest, highest = rows.aminmax(dim=0)
    sizes = (highest - lowest + 1).tolist()
    if math.prod(sizes) > _LARGEST:
        return torch.unique(rows, dim=0, return_inverse=True)[1]
    places = [math.prod(sizes[:column]) for column in range(len(sizes))]
    numbers = ((rows - lowest) * torch.tensor(places, device=rows.device)).sum(dim=1)
    return torch.unique(numbers, return_inverse=True)[1]


@ESTIMATORS.register("binning")
def build(name: str, *, bins: int = 30) -> Binning:  # noqa: ARG001
    """Build a `Binning`."""
    return Binning(bins)
