"""Data sets of a few images in the official formats, described as if their publisher had made them so small."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwtrain.data.catalog import dataset_info
from lwtrain.data.dataset_info import equally_many
from lwtrain.data.published_set import DataFile, PublishedSet


def describe(path: str, content: bytes, urls: tuple[str, ...] = ()) -> DataFile:
    return DataFile(path, len(content), hashlib.md5(content).hexdigest(), urls)


def describe_set(
    name: str, contents: list[bytes], *, num_train: int, num_test: int, num_unlabelled: int = 0
) -> PublishedSet:
    """Describe `contents` as the training and test files of the data set `name`, in this order."""
    info = dataset_info(name)
    paths = [file.path for file in info.files]
    files = tuple(describe(path, content) for path, content in zip(paths, contents, strict=True))
    first = len(info.train_files)
    last = first + len(info.test_files)
    return replace(
        info,
        train_per_class=equally_many(num_train, info.num_classes),
        test_per_class=equally_many(num_test, info.num_classes),
        num_unlabelled=num_unlabelled,
        train_files=files[:first],
        test_files=files[first:last],
        unlabelled_file=files[last] if files[last:] else None,
    )


def write(info: PublishedSet, contents: list[bytes], data_dir: Path) -> None:
    for file, content in zip(info.files, contents, strict=True):
        (data_dir / file.path).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / file.path).write_bytes(content)


def with_archive(info: PublishedSet, archive: bytes, urls: tuple[str, ...] = ()) -> PublishedSet:
    assert info.archive is not None
    return replace(info, archive=describe(info.archive.path, archive, urls))


def tar_gz(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def archive_of(info: PublishedSet, contents: list[bytes]) -> bytes:
    paths = [file.path for file in info.files]
    return tar_gz({"cifar/readme.html": b"<html>", **dict(zip(paths, contents, strict=True))})


def cifar_records(*labels: tuple[int, ...], seed: int = 0) -> bytes:
    """A record for each tuple of label bytes, with pixels drawn by chance."""
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), np.uint8)
    return np.concatenate([np.array(labels, np.uint8), pixels], axis=1).tobytes()


def idx(array: NDArray[np.uint8]) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes())


def small_cifar10() -> tuple[PublishedSet, list[bytes]]:
    """Twelve images: two in each file."""
    contents = [cifar_records((number,), (number + 1,), seed=number) for number in range(6)]
    return describe_set("cifar10", contents, num_train=10, num_test=2), contents


def cifar100_of_apples_and_worms(*, num_train: int, num_test: int) -> tuple[PublishedSet, list[bytes]]:
    """Images of the first and the last class, taking turns: the apples are dark, the worms bright."""
    contents = []
    for number in (num_train, num_test):
        fine = [99 * (place % 2) for place in range(number)]
        records = np.frombuffer(cifar_records(*((0, label) for label in fine), seed=number), np.uint8).copy()
        records = records.reshape(number, -1)
        records[:, 2:] //= 2
        records[1::2, 2:] += 127
        contents.append(records.tobytes())
    info = describe_set("cifar100", contents, num_train=num_train, num_test=num_test)
    shares = [(number // 2, *[0] * 98, number // 2) for number in (num_train, num_test)]
    return replace(info, train_per_class=shares[0], test_per_class=shares[1]), contents


def small_mnist() -> tuple[PublishedSet, list[bytes]]:
    """Three training images and two test images."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    labels = np.array([3, 0, 9, 7, 1], np.uint8)
    contents = [idx(pixels[:3]), idx(labels[:3]), idx(pixels[3:]), idx(labels[3:])]
    return describe_set("mnist", contents, num_train=3, num_test=2), contents


def stl10_pixels(images: NDArray[np.uint8]) -> bytes:
    """Lay images (num_images, 3, 96, 96) out as STL-10 does: column by column."""
    return np.ascontiguousarray(images.swapaxes(2, 3)).tobytes()


def small_stl10() -> tuple[PublishedSet, list[bytes], NDArray[np.uint8]]:
    """Twenty training images, ten test images and thirty without labels; also the pixels of all, in this order."""
    images = np.random.default_rng(0).integers(0, 256, (60, 3, 96, 96), np.uint8)
    labels = bytes(1 + number % 10 for number in range(30))
    contents = [stl10_pixels(images[:20]), labels[:20], stl10_pixels(images[20:30]), labels[20:30]]
    contents.append(stl10_pixels(images[30:]))
    return describe_set("stl10", contents, num_train=20, num_test=10, num_unlabelled=30), contents, images
