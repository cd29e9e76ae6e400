"""The Hilbert-Schmidt independence criterion: how much two kernel matrices agree."""

import torch
from torch import Tensor

from lwtrain.information import ESTIMATORS
from lwtrain.information.kernels import centred, kernel
from lwtrain.information.samples import check_pairs

SIGMA = 5.0  # of Ma, Lewis and Kleijn (2019), for MNIST
EPSILON = 1e-5  # the ridge of Ma, Lewis and Kleijn (2019)


def hsic(kx: Tensor, ky: Tensor) -> Tensor:
    """Give ``tr(Kx H Ky H) / (m - 1)^2``: 0 for independent variables, as far as m samples can tell.

    Gretton, Bousquet, Smola and Schölkopf (2005), "Measuring statistical dependence with Hilbert-Schmidt norms",
    equation 9.

    Args:
        kx: (samples, samples), the kernel matrix of one variable; see `lwtrain.information.kernels`.
        ky: That of the other.

    Example:
        >>> hsic(torch.eye(4), torch.eye(4)), hsic(torch.eye(4), torch.ones(4, 4))  # (4 - 1) / 3^2
        (tensor(0.3333), tensor(0.))
    """
    return (centred(kx) * centred(ky)).sum() / (len(kx) - 1) ** 2


def normalised_hsic(kx: Tensor, ky: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Give ``tr(Rx Ry)`` with ``R = G (G + epsilon m I)^-1`` and ``G = H K H``.

    It does not depend on how large the kernels' values are: it counts the directions that both variables vary in. Of
    labels, that is the number of classes less one. Fukumizu, Gretton, Sun and Schölkopf (2007), "Kernel measures of
    conditional dependence", section 3; the loss of Ma, Lewis and Kleijn (2019, arXiv:1908.01580).

    Args:
        kx: (samples, samples), the kernel matrix of one variable.
        ky: That of the other.
        epsilon: The ridge; not below 1e-6, which is what float32 can tell from 0.

    Example:
        >>> labels = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
        >>> round(normalised_hsic(labels, labels).item(), 3)  # two classes: one direction
        1.0
    """
    return (regression(kx, epsilon) * regression(ky, epsilon)).sum()


def regression(kernel_matrix: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Solve for ``G (G + epsilon m I)^-1``, by Cholesky; both factors commute, and the product is symmetric."""
    gram = centred(kernel_matrix)
    ridge = epsilon * len(gram) * torch.eye(len(gram), device=gram.device)
    # Numbers that are not finite are to make a loss that is not, which the training's own check tells of.
    factor, failed = torch.linalg.cholesky_ex(gram + ridge)
    solution = torch.cholesky_solve(gram, factor)
    return torch.where(failed == 0, solution, torch.full_like(solution, torch.nan))


class HSIC:
    """The Hilbert-Schmidt independence criterion as an `Estimator`: gaussian kernels for numbers, equality for labels.

    Differentiable with respect to numbers. In float32, also under autocast.

    Args:
        sigma: The gaussian kernel's width; see `lwtrain.information.kernels.gaussian_kernel`.
        normalised: Whether it is `normalised_hsic` rather than `hsic`.

    Raises:
        ValueError: If `sigma` is not above 0.

    Example:
        >>> x = torch.linspace(0, 1, 50)[:, None]
        >>> noise = torch.rand(50, 1, generator=torch.Generator().manual_seed(0))
        >>> measure = HSIC(sigma=0.5)
        >>> bool(measure.criterion(x, x**2) > 10 * measure.criterion(x, noise))
        True
    """

    def __init__(self, sigma: float = SIGMA, normalised: bool = False) -> None:
        if not sigma > 0:
            raise ValueError(f"sigma={sigma}: choose a number above 0")
        self.sigma, self.normalised = sigma, normalised

    def criterion(self, x: Tensor, y: Tensor) -> Tensor:
        """Give the criterion of samples (samples, ...) or of labels (samples,)."""
        check_pairs(x, y)
        with torch.autocast(x.device.type, enabled=False):
            return self.of_kernels(kernel(x, self.sigma), kernel(y, self.sigma))

    def of_kernels(self, kx: Tensor, ky: Tensor) -> Tensor:
        """Give the criterion of kernel matrices."""
        return normalised_hsic(kx, ky) if self.normalised else hsic(kx, ky)

    def factor(self, kernel_matrix: Tensor) -> Tensor:
        """Give what one variable adds to the criterion, for those who need it more than once.

        The criterion of two variables is the sum over the product of their factors, element by element.
        """
        return regression(kernel_matrix) if self.normalised else centred(kernel_matrix) / (len(kernel_matrix) - 1)


@ESTIMATORS.register("hsic", "normalised_hsic")
def build(name: str, *, sigma: float = SIGMA) -> HSIC:
    """Build an `HSIC`."""
    return HSIC(sigma, normalised=name == "normalised_hsic")
