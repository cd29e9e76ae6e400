"""Samples as estimators read them: one row of numbers each, or one class label."""

import torch
from torch import Tensor


def are_labels(samples: Tensor) -> bool:
    """Whether samples are classes, which are the same or not, rather than numbers, which have distances."""
    return samples.ndim == 1 and not samples.is_floating_point()


def as_rows(samples: Tensor) -> Tensor:
    """Lay each sample out as a row of float32 numbers: (samples, numbers).

    In which order does not matter to any estimator, so that images with their channels last need not be copied.

    Example:
        >>> as_rows(torch.zeros(5, 3, 2, 2)).shape, as_rows(torch.arange(5)).shape
        (torch.Size([5, 12]), torch.Size([5, 1]))
    """
    if samples.ndim == 4 and samples.is_contiguous(memory_format=torch.channels_last):
        samples = samples.permute(0, 2, 3, 1)
    return samples.reshape(len(samples), -1).float()


def are_finite(*variables: Tensor) -> bool:
    """Whether all numbers are: of others no estimator can tell anything but that they are not."""
    return all(bool(variable.isfinite().all()) for variable in variables)


def check_pairs(x: Tensor, y: Tensor) -> None:
    """Make sure that samples were drawn together.

    Raises:
        ValueError: If there are fewer than two, or not as many of one variable as of the other.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"samples={len(x)} and {len(y)}: choose as many of both variables, at least 2")
