"""Read a data set into memory: verified files in, tensors of bytes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lwtrain.data.catalog import dataset_info
from lwtrain.data.dataset_info import DatasetInfo, FileContent, Fit, check_image_size
from lwtrain.data.image_size import bring_to_size
from lwtrain.data.official_files import damaged, read_official_files


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what they show."""

    images: Tensor  # (num_images, channels, height, width) uint8
    labels: Tensor  # (num_images,) int64

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A whole data set in memory."""

    train: Split
    test: Split
    classes: tuple[str, ...]  # classes[label] is the name of a label


def load_dataset(
    name: str | DatasetInfo,
    data_dir: str | Path = "data",
    *,
    image_size: int | None = None,
    fit: Fit = "scale",
    download: bool = True,
) -> ImageDataset:
    """Read a data set; what is missing in `data_dir` is downloaded first.

    Every file is compared with what its publisher made, by size and MD5, before it is read, and no file that is already
    there is ever changed.

    Args:
        name: One of `lwtrain.data.catalog.CATALOG`, or the description of a data set of your own.
        data_dir: Holds the extracted files or the archive, as published.
        image_size: Height and width to bring the images to; by default they stay as they are.
        fit: How: "scale" them, or "pad" them with black on all sides.
        download: Whether missing files may be downloaded.

    Raises:
        ConfigError: If there is no such data set, or its images cannot be brought to this size.
        DataError: If a file is missing and cannot be had, or is damaged; the message says what to do.

    Example:
        >>> dataset = load_dataset("fashion_mini")
        >>> dataset.train.images.shape, dataset.test.labels[:4], dataset.classes[3]
        (torch.Size([10000, 1, 28, 28]), tensor([0, 1, 2, 3]), 'Dress')
    """
    info = dataset_info(name) if isinstance(name, str) else name
    check_image_size(info, image_size, fit)
    folder = info.bundled_in or Path(data_dir).expanduser()
    contents = read_official_files(info, folder, fetch=download)

    def split(num_images: int, files: Sequence[FileContent]) -> Split:
        images, labels = _read_split(info, num_images, files)
        return Split(bring_to_size(images, image_size or info.image_size, fit), labels)

    return ImageDataset(
        train=split(info.num_train, [contents[file] for file in info.train_files]),
        test=split(info.num_test, [contents[file] for file in info.test_files]),
        classes=info.classes,
    )


def _read_split(info: DatasetInfo, num_images: int, files: Sequence[FileContent]) -> tuple[Tensor, Tensor]:
    images, labels = info.read(info, files)
    announced = (num_images, info.channels, info.image_size, info.image_size)
    if images.shape != announced or len(labels) != num_images:
        found = f"images of shape {images.shape} and {len(labels)} labels instead of {announced}"
        raise damaged(info, files[0].path, f"holds {found}")
    if labels.max(initial=0) >= info.num_classes:
        raise damaged(info, files[-1].path, f"holds the label {labels.max()}, there are {info.num_classes} classes")
    images = np.require(images, requirements=["C", "W"])  # copies what is only a view of a file's bytes
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))
