"""How alike samples are, each to each: kernel matrices in float32, whatever autocast says."""

import torch
from torch import Tensor

from lwtrain.information.samples import are_labels, as_rows


def gaussian_kernel(x: Tensor, sigma: float) -> Tensor:
    r"""Give ``k(x, x') = exp(-|x - x'|^2 / (2 sigma^2 d))``, d numbers in a sample.

    With the d, `sigma` is in units of one number of a sample, and fits narrow and wide layers alike: between batch-
    normalised activations, the mean squared difference of a number is about 2 however many there are, while the squared
    distance grows with the width, and a kernel without d falls to 0 between any two samples of a wide layer. Ma, Lewis
    and Kleijn (2019, arXiv:1908.01580) scale by the dimension, too.

    Distances come from one matrix product, ``|x|^2 + |x'|^2 - 2 x x'``, of samples moved to mean 0: the nearer to 0
    they lie, the less is lost in the difference.

    Args:
        x: (samples, ...)
        sigma: The width; above 0.

    Returns:
        (samples, samples), differentiable.

    Example:
        >>> gaussian_kernel(torch.tensor([[0.0, 0.0], [2.0, 0.0]]), sigma=1.0)  # exp(-4 / 4) off the diagonal
        tensor([[1.0000, 0.3679],
                [0.3679, 1.0000]])
    """
    with torch.autocast(x.device.type, enabled=False):
        rows = as_rows(x)
        rows = rows - rows.mean(dim=0)
        squares = rows.square().sum(dim=1)
        distances = (squares[:, None] + squares).addmm(rows, rows.T, alpha=-2).clamp(min=0)
        return (distances * (-0.5 / (sigma**2 * rows.shape[1]))).exp()


def label_kernel(labels: Tensor) -> Tensor:
    """Give 1 where two labels are the same and 0 elsewhere: the linear kernel of one-hot labels, (samples, samples).

    Example:
        >>> label_kernel(torch.tensor([0, 2, 0]))
        tensor([[1., 0., 1.],
                [0., 1., 0.],
                [1., 0., 1.]])
    """
    return (labels[:, None] == labels).float()


def kernel(samples: Tensor, sigma: float) -> Tensor:
    """Give the kernel that suits: `label_kernel` for integers in one dimension, else `gaussian_kernel`."""
    return label_kernel(samples) if are_labels(samples) else gaussian_kernel(samples, sigma)


def centred(kernel_matrix: Tensor) -> Tensor:
    """Give ``H K H`` with ``H = I - 1/m``: a kernel matrix whose rows and columns have mean 0, without building H.

    Example:
        >>> centred(torch.eye(2))
        tensor([[ 0.5000, -0.5000],
                [-0.5000,  0.5000]])
    """
    rows = kernel_matrix - kernel_matrix.mean(dim=0, keepdim=True)
    return rows - rows.mean(dim=1, keepdim=True)
