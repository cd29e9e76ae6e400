"""MNIST and Fashion-MNIST from their idx files, in the folders where torchvision keeps them.

Sources: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998, which defines the format;
Xiao, Rasul and Vollgraf, "Fashion-MNIST", arXiv 1708.07747, 2017.
"""

import gzip
import math
import zlib
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lwtrain.data.fashion_mini import GARMENTS
from lwtrain.data.official_files import damaged
from lwtrain.data.published_set import Arrays, DataFile, FileContent, PublishedSet


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """Read an array in the idx format: two zeros, the type, the number of dimensions, each as 4 bytes, the values.

    Raises:
        ValueError: If this is not what `content` holds, or the values are not unsigned bytes.

    Example:
        >>> parse_idx(bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3]) + b"abc")
        array([[97, 98, 99]], dtype=uint8)
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise ValueError("it does not start as one of unsigned bytes does")
    start = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4))
    if len(content) != start + math.prod(shape):
        raise ValueError(f"it has {len(content):,} bytes for an array of shape {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_images_and_labels(info: PublishedSet, files: Sequence[FileContent]) -> Arrays:
    """Read two gzipped idx files, the images (num_images, height, width) and the labels (num_images,).

    Returns:
        Images (num_images, 1, height, width) and labels (num_images,).

    Raises:
        DataError: If a file cannot be unpacked or is not of this format.
    """
    images, labels = files
    return _read_idx(info, images, num_dimensions=3)[:, None], _read_idx(info, labels, num_dimensions=1)


def _read_idx(info: PublishedSet, file: FileContent, num_dimensions: int) -> NDArray[np.uint8]:
    try:
        array = parse_idx(gzip.decompress(file.content))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(info, file.path, f"cannot be read as a gzipped idx file: {error}") from error
    if array.ndim != num_dimensions:
        raise damaged(info, file.path, f"holds an array of shape {array.shape} instead of {num_dimensions} dimensions")
    return array


def _idx_file(folder: str, name: str, size: int, md5: str, mirrors: Sequence[str]) -> DataFile:
    return DataFile(f"{folder}/raw/{name}", size, md5, urls=tuple(mirror + name for mirror in mirrors))


_mnist_file = partial(
    _idx_file,
    "MNIST",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

MNIST = PublishedSet(
    name="mnist",
    title="MNIST",
    classes=tuple("0123456789"),
    channels=1,
    image_size=28,
    train_per_class=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    test_per_class=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    read=read_images_and_labels,
    train_files=(
        _mnist_file("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        _mnist_file("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
    ),
    test_files=(
        _mnist_file("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        _mnist_file("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
)

_fashion_file = partial(
    _idx_file,
    "FashionMNIST",
    mirrors=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
)

FASHION_MNIST = PublishedSet(
    name="fashion_mnist",
    title="Fashion-MNIST",
    classes=GARMENTS,
    channels=1,
    image_size=28,
    train_per_class=(6_000,) * 10,
    test_per_class=(1_000,) * 10,
    read=read_images_and_labels,
    train_files=(
        _fashion_file("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        _fashion_file("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
    ),
    test_files=(
        _fashion_file("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        _fashion_file("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
)
