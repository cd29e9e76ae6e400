"""Mutual information by hashing, corrected over an ensemble of resolutions: EDGE."""

from typing import NamedTuple

import torch
from torch import Tensor

from lwtrain.information import ESTIMATORS
from lwtrain.information.binning import mutual_information, numbered
from lwtrain.information.samples import are_labels, as_rows, check_pairs

_RESOLUTIONS = torch.linspace(1.5, 5.0, 10)  # t; finer cells than 1.5 hold too few samples to be counted


class _Hashed(NamedTuple):
    """A variable as it is hashed: `dimensions` numbers of unit variance for each sample, or labels, which have none."""

    samples: Tensor
    dimensions: int

    def cells(self, width: float, generator: torch.Generator) -> Tensor:
        """Number the cells of a grid that samples fall into, the grid's place being drawn."""
        if not self.dimensions:
            return self.samples
        shift = torch.rand(self.dimensions, generator=generator).to(self.samples.device)
        return numbered((self.samples / width + shift).floor().long())


class EDGE:
    """The ensemble dependency graph estimator of mutual information, in bits, as an `Estimator`.

    Noshad, Zeng and Hero (2018, "Scalable mutual information estimation using dependence graphs", arXiv:1801.09125).
    Samples of either variable are hashed into cells of width e; the cells are the nodes of a graph, joined where they
    share samples, and the mutual information of the cells is read off the counts. This is done for several widths
    ``e = t N^(-1 / 2d)``, d numbers a pair, and the estimates are added with weights w(t) that sum to 1, are as small
    as can be, and make terms of the bias cancel: the one of smoothing, as ``t^2`` (a grid in a random place has no
    odd ones), and that of counting few samples, as ``t^-d``.

    Samples of more numbers than `dimensions` are first reduced to their principal components: what is estimated then is
    the information between these, which is not more than that between the variables. (Random directions, which hashing
    by locality would take, have next to nothing in common between an image and a layer.) Strong dependence in several
    dimensions is underestimated, as by all that count cells: of 2.4 bits between two pairs of numbers, 1,000 samples
    show about 2.

    Args:
        dimensions: Most numbers of a sample that are hashed together.
        repeats: How many grids of each width the mean is taken over; they are the same at every call.

    Raises:
        ValueError: If a setting is below 1.

    Example:
        >>> x = torch.randn(2000, 1, generator=torch.Generator().manual_seed(0))
        >>> EDGE().criterion(x, (x > 0).flatten().long()) > 0.9  # one bit
        tensor(True)
    """

    def __init__(self, dimensions: int = 2, repeats: int = 4) -> None:
        for name, value in (("dimensions", dimensions), ("repeats", repeats)):
            if value < 1:
                raise ValueError(f"{name}={value}: choose 1 or more")
        self.dimensions, self.repeats = dimensions, repeats

    @torch.no_grad()
    def criterion(self, x: Tensor, y: Tensor) -> Tensor:
        """Give the mutual information of samples (samples, ...) or of labels (samples,)."""
        check_pairs(x, y)
        if are_labels(x) and are_labels(y):
            return mutual_information(x, y)
        generator = torch.Generator().manual_seed(0)
        x_hashed, y_hashed = self._hashed(x), self._hashed(y)
        dimensions = x_hashed.dimensions + y_hashed.dimensions
        widths = (_RESOLUTIONS * len(x) ** (-0.5 / dimensions)).tolist()
        estimates = [
            mutual_information(x_hashed.cells(width, generator), y_hashed.cells(width, generator))
            for width in widths * self.repeats
        ]
        means = torch.stack(estimates).view(self.repeats, -1).mean(dim=0)
        return means @ ensemble_weights(_RESOLUTIONS, (-dimensions, 2)).to(x.device)

    def _hashed(self, samples: Tensor) -> _Hashed:
        if are_labels(samples):
            return _Hashed(samples, 0)
        rows = as_rows(samples)
        if rows.shape[1] > self.dimensions:
            rows = principal_components(rows, self.dimensions)
        deviations = rows.std(dim=0)
        noise = deviations <= 1e-5 * deviations.max()  # of components that are not there
        return _Hashed(rows / torch.where(noise, 1.0, deviations), rows.shape[1])


def principal_components(rows: Tensor, count: int) -> Tensor:
    """Give samples as their coordinates along the directions in which they vary most: (samples, count).

    Example:
        >>> rows = torch.tensor([[0.0, 0.0, 0.0], [3.0, 0.0, 4.0]])
        >>> principal_components(rows, count=1).abs()
        tensor([[2.5000],
                [2.5000]])
    """
    rows = rows - rows.mean(dim=0)
    if rows.shape[1] > len(rows):  # of the two products with its own transpose, the smaller one
        variances, samples = torch.linalg.eigh(rows @ rows.T)
        return (samples * variances.clamp(min=0).sqrt())[:, -count:]
    _, directions = torch.linalg.eigh(rows.T @ rows)
    return rows @ directions[:, -count:]


def ensemble_weights(resolutions: Tensor, powers: tuple[int, ...]) -> Tensor:
    """Give the shortest w with ``sum w = 1`` and ``sum w t^p = 0`` for every power p (EDGE, theorem 3).

    Args:
        resolutions: t, (members,), more of them than powers.
        powers: Of the terms that are to cancel; none is 0.

    Example:
        >>> t = torch.tensor([1.0, 2.0, 3.0])
        >>> w = ensemble_weights(t, powers=(1,))
        >>> w, round((w * t).sum().abs().item(), 6)
        (tensor([ 1.3333,  0.3333, -0.6667]), 0.0)
    """
    conditions = torch.stack([resolutions.double() ** power for power in (0, *powers)])
    conditions = conditions / conditions.norm(dim=1, keepdim=True)  # t^-4 and t^2 differ by orders of magnitude
    wanted = torch.zeros(len(conditions), dtype=torch.double)
    wanted[0] = len(resolutions) ** -0.5
    return (torch.linalg.pinv(conditions) @ wanted).float()


@ESTIMATORS.register("edge")
def build(name: str, *, dimensions: int = 2, repeats: int = 4) -> EDGE:  # noqa: ARG001
    """Build an `EDGE`."""
    return EDGE(dimensions, repeats)
