"""What a data module takes for images: a tensor, or what can be asked for some of them and gives a tensor."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from lwtrain.data.dataset_info import Fit
from lwtrain.data.image_size import bring_to_size

_SAMPLED_BYTES, _SAMPLED_IMAGES = 100_000, 100


class Images(Protocol):
    """Many images of one size: a tensor (num_images, channels, height, width) of uint8, or something that acts so."""

    @property
    def shape(self) -> torch.Size:
        """(num_images, channels, height, width)."""
        ...

    @property
    def device(self) -> torch.device:
        """Where those are that it gives."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any, /) -> Tensor:
        """Give some images, by their numbers (a tensor of int64) or a slice of them."""
        ...

    def to(self, device: torch.device, /) -> "Images":
        """Give the same images on another device."""
        ...


class LazyImages(ABC):
    """Images that are made when they are asked for.

    Args:
        shape: (num_images, channels, height, width).
        device: Where they are wanted.
    """

    def __init__(self, shape: Sequence[int], device: torch.device | None = None) -> None:
        self.shape = torch.Size(shape)
        self.device = device or torch.device("cpu")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        """Give some images, (len(rows), channels, height, width) uint8."""
        numbers = torch.arange(len(self))[rows] if isinstance(rows, slice) else rows.cpu()
        assert not len(numbers) or 0 <= numbers.min() <= numbers.max() < len(self), "there are no such images"
        return self._make(numbers).to(self.device)

    @abstractmethod
    def _make(self, numbers: Tensor) -> Tensor:
        """Make images on the CPU."""

    @abstractmethod
    def fingerprint(self) -> bytes:
        """Give some bytes that change with the images."""


class JoinedImages(LazyImages):
    """Images of several sources, one after the other; each stays where it is.

    Example:
        >>> zeros, ones = torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.ones(3, 1, 4, 4, dtype=torch.uint8)
        >>> joined = JoinedImages([zeros, ones])
        >>> joined.shape, joined[torch.tensor([4, 0, 2])][:, 0, 0, 0]
        (torch.Size([5, 1, 4, 4]), tensor([1, 0, 1], dtype=torch.uint8))
    """

    def __init__(self, parts: Sequence[Images], device: torch.device | None = None) -> None:
        super().__init__((sum(map(len, parts)), *parts[0].shape[1:]), device)
        self._parts = parts

    def to(self, device: torch.device) -> "JoinedImages":
        """Give them on another device, to which they are brought when they are asked for."""
        return JoinedImages(self._parts, device)

    def fingerprint(self) -> bytes:
        """Give some bytes that change with the images."""
        return b"".join(map(fingerprint, self._parts))

    def _make(self, numbers: Tensor) -> Tensor:
        made, start = torch.empty((len(numbers), *self.shape[1:]), dtype=torch.uint8), 0
        for part in self._parts:
            here = (numbers >= start) & (numbers < start + len(part))
            if here.any():
                made[here] = part[numbers[here] - start]
            start += len(part)
        return made


class ResizedImages(LazyImages):
    """Images brought to another size when they are asked for: no memory holds all of them enlarged."""

    def __init__(self, images: Images, size: int, fit: Fit, device: torch.device | None = None) -> None:
        super().__init__((*images.shape[:2], size, size), device)
        self._images, self._fit = images, fit

    def to(self, device: torch.device) -> "ResizedImages":
        """Give them on another device, to which they are brought when they are asked for."""
        return ResizedImages(self._images, self.shape[-1], self._fit, device)

    def fingerprint(self) -> bytes:
        """Give some bytes that change with the images."""
        return fingerprint(self._images) + f"{self._fit} {self.shape[-1]}".encode()

    def _make(self, numbers: Tensor) -> Tensor:
        return bring_to_size(self._images[numbers].contiguous(), self.shape[-1], self._fit)


def fingerprint(images: Images) -> bytes:
    """Give some bytes that change with the images, as far as a sample shows."""
    if isinstance(images, LazyImages):
        return images.fingerprint()
    assert isinstance(images, Tensor)
    if images.is_contiguous():
        sample = images.flatten()[:: max(1, images.numel() // _SAMPLED_BYTES)]
    else:  # maybe of a file, which is not to be read as a whole
        sample = images[:: max(1, len(images) // _SAMPLED_IMAGES)]
    return sample.cpu().contiguous().numpy().tobytes()
