"""Read a data set: verified files in, tensors of bytes out, or what gives such tensors when a batch asks."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lwtrain.data.catalog import dataset_info
from lwtrain.data.dataset_info import DatasetInfo, Fit, check_image_size
from lwtrain.data.fake import FakeSet, draw_images
from lwtrain.data.image_size import bring_to_size
from lwtrain.data.images import Images, JoinedImages, ResizedImages
from lwtrain.data.official_files import damaged, read_official_files
from lwtrain.data.picture_files import PictureFiles
from lwtrain.data.picture_folder import FolderSet, PictureFile, list_labelled
from lwtrain.data.published_set import Arrays, FileContent, PublishedSet
from lwtrain.printable import printable

UNLABELLED = -1  # in the place of a label
_CHUNK = 1000  # images resized at a time

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what they show."""

    images: Images  # (num_images, channels, height, width) uint8
    labels: Tensor  # (num_images,) int64; `UNLABELLED` where nobody knows

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """A whole data set."""

    train: Split
    test: Split | None  # None where there are no test images
    classes: tuple[str, ...]  # classes[label] is the name of a label


def load_dataset(
    dataset: str | DatasetInfo,
    data_dir: str | Path = "data",
    *,
    image_size: int | None = None,
    fit: Fit = "scale",
    classes: Sequence[str] | None = None,
    download: bool = True,
) -> ImageDataset:
    """Read a data set; what is missing in `data_dir` is downloaded first.

    Every published file is compared with what its publisher made, by size and MD5, before it is read, and no file that
    is already there is ever changed.

    Args:
        dataset: One of `lwtrain.data.catalog.CATALOG` by its name, or a description: `lwtrain.data.fake.fake_set(...)`,
            `lwtrain.data.picture_folder.list_pictures(folder)`, or a `PublishedSet` of your own.
        data_dir: Holds the extracted files or the archive, as published.
        image_size: Height and width to bring the images to; by default they stay as they are.
        fit: How: "scale" them, or "pad" them with black on all sides; a folder's pictures also by "crop".
        classes: Only these, as labels 0, 1, ... in this order; by default all of them. Images without a label stay.
        download: Whether missing files may be downloaded.

    Raises:
        ConfigError: If there is no such data set or class, or its images cannot be brought to this size.
        DataError: If a file is missing and cannot be had, or is damaged; the message says what to do.

    Example:
        >>> dataset = load_dataset("fashion_mini", classes=["Sandal", "Bag"])
        >>> dataset.train.images.shape, dataset.test.labels[:4], dataset.classes[1]
        (torch.Size([2000, 1, 28, 28]), tensor([0, 1, 0, 1]), 'Bag')
    """
    info = dataset_info(dataset) if isinstance(dataset, str) else dataset
    if isinstance(info, FolderSet):
        info = replace(info, image_size=image_size or info.image_size)
    check_image_size(info, image_size, fit)
    chosen = info.only(classes)
    numbers = None if classes is None else info.class_numbers(classes)
    match info:
        case FakeSet():
            train, test = (_as_split(arrays, numbers, image_size, fit) for arrays in draw_images(info))
        case PublishedSet():
            train, test = _read_published(info, Path(data_dir).expanduser(), numbers, image_size, fit, download)
        case _:
            assert isinstance(chosen, FolderSet)
            return _open_folder(chosen, fit)
    return ImageDataset(train, test, chosen.classes)


def load_labelled_pictures(
    folder: Path, classes: Sequence[str], shape: Sequence[int], reading: tuple[int, Fit, Fit]
) -> Split:
    """Read pictures of known classes, to test a network on.

    Args:
        folder: Holds `folder/<class>/`.
        classes: By label.
        shape: (channels, height, width) to bring them to.
        reading: How; see `lwtrain.trained_run.TrainedNetwork.reading`.

    Raises:
        ConfigError: If the folder is missing, has no pictures, or a folder in it bears the name of no class.
        DataError: If a file does not begin as a picture does.
    """
    found = list_labelled(folder, classes)
    channels, size, _ = shape
    first_size, first_fit, fit = reading
    labels = torch.tensor([label for label, files in enumerate(found) for _ in files])
    pictures = PictureFiles.checked([file for files in found for file in files], channels, first_size, first_fit)
    return Split(pictures if first_size == size else ResizedImages(pictures, size, fit), labels)


def _as_split(arrays: Arrays, numbers: list[int] | None, image_size: int | None, fit: Fit) -> Split:
    """Turn arrays into tensors: of some classes, by their numbers, and in another size if so wanted."""
    images, labels = arrays
    labels = labels.astype(np.int64)
    if numbers is not None:
        places = np.full(max(int(labels.max(initial=0)), *numbers) + 1, UNLABELLED)
        places[numbers] = range(len(numbers))
        labels = places[labels]
        images, labels = images[labels != UNLABELLED], labels[labels != UNLABELLED]
    images = np.require(images, requirements=["C", "W"])  # copies what is only a view of a file's bytes
    return Split(bring_to_size(torch.from_numpy(images), image_size or images.shape[-1], fit), torch.from_numpy(labels))


def _read_published(
    info: PublishedSet, data_dir: Path, numbers: list[int] | None, image_size: int | None, fit: Fit, download: bool
) -> tuple[Split, Split]:
    folder = info.bundled_in or data_dir
    contents = read_official_files(info, folder, fetch=download)
    train, test = (
        _as_split(_read_split(info, num_images, [contents[file] for file in files]), numbers, image_size, fit)
        for num_images, files in ((info.num_train, info.train_files), (info.num_test, info.test_files))
    )
    if info.unlabelled_file is not None:
        train = _with_unlabelled(info, train, folder / info.unlabelled_file.path, image_size, fit)
    return train, test


def _read_split(info: PublishedSet, num_images: int, files: Sequence[FileContent]) -> Arrays:
    images, labels = info.read(info, files)
    announced = (num_images, info.channels, info.image_size, info.image_size)
    if images.shape != announced or len(labels) != num_images:
        found = f"images of shape {images.shape} and {len(labels)} labels instead of {announced}"
        raise damaged(info, files[0].path, f"holds {found}")
    if labels.max(initial=0) >= info.num_classes:
        raise damaged(info, files[-1].path, f"holds the label {labels.max()}, there are {info.num_classes} classes")
    return images, labels


def _with_unlabelled(info: PublishedSet, train: Split, path: Path, image_size: int | None, fit: Fit) -> Split:
    """Put images without labels behind the others: from their file as they are asked for, or small in memory."""
    assert info.map_unlabelled is not None
    mapped = torch.from_numpy(info.map_unlabelled(info, path))
    if len(mapped) != info.num_unlabelled:
        raise damaged(info, path, f"holds {len(mapped):,} images instead of {info.num_unlabelled:,}")
    labels = torch.cat([train.labels, torch.full((len(mapped),), UNLABELLED)])
    size = image_size or info.image_size
    if size > info.image_size:
        return Split(JoinedImages([train.images, ResizedImages(mapped, size, fit)]), labels)
    if size == info.image_size:
        return Split(JoinedImages([train.images, mapped]), labels)
    images = torch.empty((len(labels), info.channels, size, size), dtype=torch.uint8)
    images[: len(train)] = train.images[:]
    for start in range(0, len(mapped), _CHUNK):
        part = bring_to_size(mapped[start : start + _CHUNK].contiguous(), size, fit)
        images[len(train) + start : len(train) + start + len(part)] = part
    return Split(images, labels)


def _open_folder(info: FolderSet, fit: Fit) -> ImageDataset:
    _log.info("dataset=image_folder: %s", info.summary)
    if info.left_out:
        _log.warning(
            "dataset=image_folder: %d files left out, by their names no pictures or in no class's folder, such as %s",
            len(info.left_out),
            printable(info.left_out[0]),
        )

    def split(files: Sequence[Sequence[PictureFile]], unlabelled: Sequence[PictureFile]) -> Split:
        every = [file for of_class in files for file in of_class]
        labels = [label for label, of_class in enumerate(files) for _ in of_class]
        pictures = PictureFiles.checked([*every, *unlabelled], info.channels, info.image_size, fit)
        return Split(pictures, torch.tensor(labels + [UNLABELLED] * len(unlabelled)))

    test = split(info.test, ()) if info.num_test else None
    return ImageDataset(split(info.train, info.unlabelled), test, info.classes)
