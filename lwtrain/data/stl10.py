"""STL-10 from its binary version: images in files of pixels, labels in others, and 100,000 images without any.

A file of images has 3 planes of 96 x 96 pixels for each, column by column; labels count from 1.

Source: Coates, Lee and Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", AISTATS 2011.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwtrain.data.official_files import damaged
from lwtrain.data.published_set import Arrays, DataFile, FileContent, PublishedSet

_FOLDER = "stl10_binary"
_IMAGE = 3 * 96 * 96  # bytes


def read_images_and_labels(info: PublishedSet, files: Sequence[FileContent]) -> Arrays:
    """Read a file of images and one of labels.

    Returns:
        Images (num_images, channels, height, width), a view of the file's bytes, and labels (num_images,) from 0 on.

    Raises:
        DataError: If the images are not whole, or a label is 0.
    """
    (images_path, pixels), (labels_path, content) = files
    labels = np.frombuffer(content, np.uint8)
    if not labels.all():
        raise damaged(info, labels_path, "holds the label 0; there they count from 1")
    return _as_images(info, images_path, np.frombuffer(pixels, np.uint8)), labels - np.uint8(1)


def map_images(info: PublishedSet, path: Path) -> NDArray[np.uint8]:
    """Map a file of images into memory: of its 2.8 GB, only what is looked at is read.

    Returns:
        Images (num_images, channels, height, width); what is written to them never reaches the file.

    Raises:
        DataError: If the images are not whole.
    """
    pixels = np.memmap(path, np.uint8, mode="c") if path.stat().st_size else np.empty(0, np.uint8)
    return _as_images(info, path, pixels)


def _as_images(info: PublishedSet, path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = (info.channels, info.image_size, info.image_size)
    if len(pixels) % np.prod(shape):
        raise damaged(info, path, f"holds {len(pixels):,} bytes, no whole number of images")
    return pixels.reshape(-1, *shape).swapaxes(2, 3)


STL10 = PublishedSet(
    name="stl10",
    title="STL-10",
    classes=("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
    channels=3,
    image_size=96,
    train_per_class=(500,) * 10,
    test_per_class=(800,) * 10,
    num_unlabelled=100_000,
    read=read_images_and_labels,
    train_files=(
        DataFile(f"{_FOLDER}/train_X.bin", 5_000 * _IMAGE, "918c2871b30a85fa023e0c44e0bee87f"),
        DataFile(f"{_FOLDER}/train_y.bin", 5_000, "5a34089d4802c674881badbb80307741"),
    ),
    test_files=(
        DataFile(f"{_FOLDER}/test_X.bin", 8_000 * _IMAGE, "7f263ba9f9e0b06b93213547f721ac82"),
        DataFile(f"{_FOLDER}/test_y.bin", 8_000, "36f9794fa4beb8a2c72628de14fa638e"),
    ),
    unlabelled_file=DataFile(f"{_FOLDER}/unlabeled_X.bin", 100_000 * _IMAGE, "5242ba1fed5e4be9e1e742405eb56ca4"),
    map_unlabelled=map_images,
    archive=DataFile(
        "stl10_binary.tar.gz",
        2_640_397_119,
        "91f7769df0f17e558f3565bffb0c7dfb",
        urls=("https://ai.stanford.edu/~acoates/stl10/stl10_binary.tar.gz",),
    ),
)
