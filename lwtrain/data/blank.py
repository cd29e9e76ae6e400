"""Black images in the place of a data set's own: as many and as large, for what depends on nothing else."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lwtrain.data.dataset_info import DatasetInfo
from lwtrain.data.images import LazyImages
from lwtrain.data.load import UNLABELLED, ImageDataset, Split
from lwtrain.data.picture_folder import FolderSet


def blank_dataset(info: DatasetInfo, image_size: int | None = None) -> ImageDataset:
    """Make a data set of which nothing but the images is made up; no file is read.

    Nor does it take memory before the images are looked at.

    Args:
        info: What is known of the data set, with the classes chosen.
        image_size: Height and width that the images are brought to; by default their own.

    Example:
        >>> from lwtrain.data.catalog import dataset_info
        >>> blank = blank_dataset(dataset_info("stl10"), image_size=32)
        >>> blank.train.images.shape, blank.train.labels[[0, 4999, 5000]]
        (torch.Size([105000, 3, 32, 32]), tensor([ 0,  9, -1]))
    """
    size = image_size or info.image_size

    def split(counts: Sequence[int], unlabelled: int) -> Split:
        labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
        labels = torch.cat([labels, torch.full((unlabelled,), UNLABELLED)])
        shape = (len(labels), info.channels, size, size)
        in_files = isinstance(info, FolderSet) or (unlabelled > 0 and size >= info.image_size)
        if in_files:
            return Split(_BlankImages(shape), labels)
        return Split(torch.zeros(shape, dtype=torch.uint8), labels)

    test = split(info.test_per_class, 0) if info.num_test else None
    return ImageDataset(split(info.train_per_class, info.num_unlabelled), test, info.classes)


class _BlankImages(LazyImages):
    """Stand in for images that stay in their files."""

    def to(self, device: torch.device) -> "_BlankImages":
        """Give them on another device."""
        return _BlankImages(self.shape, device)

    def fingerprint(self) -> bytes:
        """Give some bytes that change with the images: they are black, all of them."""
        return b"black"

    def _make(self, numbers: Tensor) -> Tensor:
        return torch.zeros((len(numbers), *self.shape[1:]), dtype=torch.uint8)
