"""Data sets in files that somebody published, and how to tell that these are whole. No torch in here."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lwtrain.data.dataset_info import DatasetInfo


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


Arrays: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.integer[Any]]]
"""Images (num_images, channels, height, width) and labels (num_images,)."""


@dataclass(frozen=True, kw_only=True)
class PublishedSet(DatasetInfo):
    """A data set in files.

    `read` turns the files of one split into arrays; it raises `DataError` for whatever they hold that it cannot read,
    and leaves it to `lwtrain.data.load` to compare the shapes with what is announced here. `map_unlabelled` gives the
    images of `unlabelled_file` without reading them.
    """

    read: Callable[["PublishedSet", Sequence[FileContent]], Arrays]
    train_files: tuple[DataFile, ...]
    test_files: tuple[DataFile, ...]
    unlabelled_file: DataFile | None = None  # too large to be read as a whole
    map_unlabelled: Callable[["PublishedSet", Path], NDArray[np.uint8]] | None = None
    archive: DataFile | None = None  # holds all these files, under their paths
    bundled_in: Path | None = None  # the folder that stands for data_dir, for files that come with lwtrain

    @property
    def files(self) -> tuple[DataFile, ...]:
        """All files but the archive."""
        unlabelled = () if self.unlabelled_file is None else (self.unlabelled_file,)
        return self.train_files + self.test_files + unlabelled

    @property
    def bundled(self) -> bool:
        """Whether the files come with lwtrain, whatever data_dir is."""
        return self.bundled_in is not None

    @property
    def in_data_dir(self) -> bool:
        """Whether its files are looked for in data_dir."""
        return not self.bundled
