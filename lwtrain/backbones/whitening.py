"""A first step that is fitted, not trained: it takes from neighbouring pixels what they have in common."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lwtrain.data.images import Images

MOST_IMAGES = 5_000  # as in airbench
EPSILON = 3e-5  # airbench: 5e-4 where pixels have a variance of 1; those of CIFAR-10 have 0.06
_RAMP = 1e-9  # far below EPSILON
_SIZE = 2
_CHUNK = 2**22  # numbers in the patches that are read at once


class Whitening(nn.Module):
    """Convolves by filters under which 2x2 patches of the training images are uncorrelated, all with variance near 1.

    The filters are the eigenvectors of the patches' covariance, each divided by the square root of its eigenvalue +
    `EPSILON`, and the negatives of these, so that an activation behind them loses nothing. Every patch is taken
    relative to the mean patch. The idea and the number of images are those of airbench (Jordan 2024,
    arXiv:2404.00498), which finds it to be worth more than any other of its steps.

    Promises: it has no parameters, and nothing but `fit` and loaded weights changes its buffers; images keep their
    size (the last row and column are repeated beyond the border); it computes in float32 under autocast, too, for a
    filter may enlarge the rounding of half precision a hundredfold.

    When not to use it: on images whose colours or contrast will differ from those it was fitted to.

    Args:
        channels: Of the images.

    Example:
        >>> images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8)
        >>> Whitening(3).fit(images)(images / 255).shape
        torch.Size([50, 24, 8, 8])
    """

    filters: Tensor
    offsets: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("filters", torch.zeros(self.out_channels(channels), channels, _SIZE, _SIZE))
        self.register_buffer("offsets", torch.zeros(self.out_channels(channels)))
        self.is_fitted = False

    @staticmethod
    def out_channels(channels: int) -> int:
        """Give the number of filters for images of so many channels: each number of a patch has two."""
        return 2 * channels * _SIZE**2

    def fit(self, images: Images, rows: Tensor | None = None) -> "Whitening":
        """Take the filters from images: those to train on, never those to validate or to test on.

        The same images give the same filters in every process and on every machine, up to the last digits of float32:
        pixels are summed up exactly, and each filter's sign follows from its own numbers.

        Args:
            images: (num_images, channels, height, width), uint8 or floating point in [0, 1]; a tensor, or anything that
                gives some of them when asked by their numbers.
            rows: The numbers of those to look at; all by default. The first `MOST_IMAGES` of them are read.

        Returns:
            Itself.

        Raises:
            ValueError: If there are no images, or of another number of channels, or smaller than 2x2.
        """
        rows = (torch.arange(len(images)) if rows is None else rows)[:MOST_IMAGES]
        _, channels, height, width = images.shape
        if channels != self.channels or min(height, width) < _SIZE or not len(rows):
            shape = f"{len(rows)} images of {channels}x{height}x{width}"
            raise ValueError(
                f"model.whitening=true: cannot be fitted to {shape}; it takes 1 or more of {self.channels} channels, "
                f"at least {_SIZE}x{_SIZE}"
            )
        mean, covariance = _moments(images, rows)
        directions = _whitening_directions(covariance)  # (numbers of a patch, the same)
        filters = torch.cat([directions, -directions])
        self.filters.copy_(filters.view(self.filters.shape))
        self.offsets.copy_(-filters @ mean)
        self.is_fitted = True
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Whiten (batch, channels, height, width) to (batch, 8 * channels, height, width), in float32.

        Raises:
            ValueError: If it has not been fitted.
        """
        if images.is_meta:  # only shapes are asked for, and there is no autocast
            return self._convolve(images)
        if not self.is_fitted:
            raise ValueError("model.whitening=true: not fitted yet; call fit(images) with the training images")
        with torch.autocast(images.device.type, enabled=False):
            return self._convolve(images.float())

    def _convolve(self, images: Tensor) -> Tensor:
        return F.conv2d(F.pad(images, (0, 1, 0, 1), mode="replicate"), self.filters, self.offsets)

    def extra_repr(self) -> str:
        """Show the channels on both sides."""
        return f"{self.channels}, {len(self.filters)}"

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *others)
        self.is_fitted = bool(self.filters.any())


def fit_whitening(layers: Iterable[nn.Module], images: Images, rows: Tensor | None = None) -> None:
    """Fit the `Whitening` that there is in layers, if any; see `Whitening.fit`.

    Example:
        >>> from lwtrain.backbones import BACKBONES
        >>> backbone = BACKBONES["vgg8b"]("vgg8b", (3, 16, 16), num_classes=10, width=0.1, whitening=True)
        >>> backbone.layers[0](torch.rand(1, 3, 16, 16))
        Traceback (most recent call last):
        ValueError: model.whitening=true: not fitted yet; call fit(images) with the training images
        >>> fit_whitening(backbone.layers, torch.rand(50, 3, 16, 16))
        >>> backbone.layers[0](torch.rand(1, 3, 16, 16)).shape
        torch.Size([1, 13, 16, 16])
    """
    for layer in layers:
        for module in layer.modules():
            if isinstance(module, Whitening):
                module.fit(images, rows)


def _moments(images: Images, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean of all 2x2 patches, and their covariance, in float64, pixels in [0, 1].

    Bytes are summed up as whole numbers, which float64 holds exactly: in whatever order, the sums are the same.
    """
    numbers = images.shape[1] * _SIZE**2
    total, products = torch.zeros(numbers, dtype=torch.float64), torch.zeros(numbers, numbers, dtype=torch.float64)
    count = 0
    for patches in _patches(images, rows):
        total += patches.sum(dim=1)
        products += patches @ patches.T
        count += patches.shape[1]
    mean = total / count
    scale = 255 if images[rows[:1].to(images.device)].dtype == torch.uint8 else 1
    return mean / scale, (products / count - torch.outer(mean, mean)) / scale**2


def _patches(images: Images, rows: Tensor) -> Iterator[Tensor]:
    """Give patches as columns, in float64, ordered as a convolution's filter: channel, row, column."""
    _, channels, height, width = images.shape
    for chunk in rows.split(max(1, _CHUNK // (channels * height * width * _SIZE**2))):
        some = images[chunk.to(images.device)].cpu().double()
        patches = some.unfold(2, _SIZE, 1).unfold(3, _SIZE, 1)  # (images, channels, rows, columns, 2, 2)
        yield patches.permute(1, 4, 5, 0, 2, 3).flatten(0, 2).flatten(1)


def _whitening_directions(covariance: Tensor) -> Tensor:
    """Give the eigenvectors as rows, that of the largest eigenvalue first, divided by what makes their variance 1.

    Where eigenvalues are equal, as for constant images or grey ones in three channels, any basis would do: a ramp on
    the diagonal picks one. An eigenvector's sign is that which makes its first large number positive.
    """
    ramp = _RAMP * torch.arange(1, len(covariance) + 1, dtype=torch.float64)
    eigenvalues, columns = torch.linalg.eigh(covariance + ramp.diag())
    vectors = columns.T.flip(0)
    large = vectors.abs() >= vectors.abs().amax(dim=1, keepdim=True) / 2  # several may be the largest
    first = large.int().argmax(dim=1, keepdim=True)
    signs = vectors.gather(1, first).sign()
    return vectors * signs / (eigenvalues.clamp(min=0).flip(0) + EPSILON).sqrt().unsqueeze(1)
