"""What is known of a data set before it is read, and how to tell that its files are whole. No torch in here."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lwtrain.errors import ConfigError
from lwtrain.registry import choices_hint

Fit = Literal["pad", "scale"]
FITS: tuple[Fit, ...] = ("pad", "scale")


@dataclass(frozen=True)
class DataFile:
    """A file as its publisher made it."""

    path: str  # below data_dir
    size: int  # in bytes
    md5: str
    urls: tuple[str, ...] = ()  # where it can be had, the first choice first

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    def flaw_of(self, path: Path) -> str | None:
        """Compare the file at `path` with what was published: None if they agree, else what is wrong with it.

        Raises:
            OSError: If there is no file at `path` that can be read.
        """
        size = path.stat().st_size
        if size != self.size:
            return f"has {size:,} bytes instead of {self.size:,}"
        with path.open("rb") as stream:
            # MD5 is what the publishers give; it guards against accidents, not against attackers.
            digest = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return None if digest == self.md5 else f"has the MD5 {digest} instead of {self.md5}"


class FileContent(NamedTuple):
    """What a verified file holds, and where it was read."""

    path: Path
    content: bytes


Arrays: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Images (num_images, channels, height, width) and labels (num_images,)."""


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is read.

    `read` turns the files of one split into arrays; it raises `DataError` for whatever they hold that it cannot read,
    and leaves it to `lwtrain.data.load` to compare the shapes with what is announced here.
    """

    name: str  # as in dataset=name
    title: str  # as its publisher writes it
    classes: tuple[str, ...]
    channels: int
    image_size: int  # height and width
    num_train: int
    num_test: int
    read: Callable[["DatasetInfo", Sequence[FileContent]], Arrays]
    train_files: tuple[DataFile, ...]
    test_files: tuple[DataFile, ...]
    archive: DataFile | None = None  # holds all these files, under their paths
    bundled_in: Path | None = None  # the folder that stands for data_dir, for files that come with lwtrain

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def bundled(self) -> bool:
        """Whether the files come with lwtrain, whatever data_dir is."""
        return self.bundled_in is not None


def check_image_size(info: DatasetInfo, image_size: int | None, fit: str) -> None:
    """Find out, before anything is read, whether the images can be brought to this size.

    Raises:
        ConfigError: If `fit` is not a choice, or the size is below 2, or below the images' own where they are padded.
    """
    if fit not in FITS:
        raise ConfigError(f"dataset.fit={fit}: {choices_hint(fit, list(FITS))}")
    if image_size is None:
        return
    if image_size < 2:  # a single pixel is no picture, and torch 2.13 fails to scale coloured bytes to one
        raise ConfigError(f"dataset.image_size={image_size}: choose 2 or more")
    if fit == "pad" and image_size < info.image_size:
        raise ConfigError(
            f"dataset.image_size={image_size}: padding cannot shrink images of {info.image_size}x{info.image_size}, "
            f"choose {info.image_size} or more, or dataset.fit=scale"
        )
