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
from lwtrain.data.dataset_info import DataFile, DatasetInfo


def describe(path: str, content: bytes, urls: tuple[str, ...] = ()) -> DataFile:
    return DataFile(path, len(content), hashlib.md5(content).hexdigest(), urls)


def describe_set(name: str, contents: list[bytes], *, num_train: int, num_test: int) -> DatasetInfo:
    """Describe `contents` as the training and test files of the data set `name`, in this order."""
    info = dataset_info(name)
    paths = [file.path for file in info.train_files + info.test_files]
    files = tuple(describe(path, content) for path, content in zip(paths, contents, strict=True))
    first = len(info.train_files)
    return replace(info, num_train=num_train, num_test=num_test, train_files=files[:first], test_files=files[first:])


def write(info: DatasetInfo, contents: list[bytes], data_dir: Path) -> None:
    for file, content in zip(info.train_files + info.test_files, contents, strict=True):
        (data_dir / file.path).parent.mkdir(parents=True, exist_ok=True)
        (data_dir / file.path).write_bytes(content)


def with_archive(info: DatasetInfo, archive: bytes, urls: tuple[str, ...] = ()) -> DatasetInfo:
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


def archive_of(info: DatasetInfo, contents: list[bytes]) -> bytes:
    paths = [file.path for file in info.train_files + info.test_files]
    return tar_gz({"cifar/readme.html": b"<html>", **dict(zip(paths, contents, strict=True))})


def cifar_records(*labels: tuple[int, ...], seed: int = 0) -> bytes:
    """A record for each tuple of label bytes, with pixels drawn by chance."""
    pixels = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), np.uint8)
    return np.concatenate([np.array(labels, np.uint8), pixels], axis=1).tobytes()


def idx(array: NDArray[np.uint8]) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes())


def small_cifar10() -> tuple[DatasetInfo, list[bytes]]:
    """Twelve images: two in each file."""
    contents = [cifar_records((number,), (number + 1,), seed=number) for number in range(6)]
    return describe_set("cifar10", contents, num_train=10, num_test=2), contents


def small_mnist() -> tuple[DatasetInfo, list[bytes]]:
    """Three training images and two test images."""
    pixels = np.random.default_rng(0).integers(0, 256, (5, 28, 28), np.uint8)
    labels = np.array([3, 0, 9, 7, 1], np.uint8)
    contents = [idx(pixels[:3]), idx(labels[:3]), idx(pixels[3:]), idx(labels[3:])]
    return describe_set("mnist", contents, num_train=3, num_test=2), contents
