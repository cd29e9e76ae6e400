"""Pictures that stay in their files until a batch asks for them."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import torch
from torch import Tensor

from lwtrain.data.dataset_info import Fit
from lwtrain.data.decoding import check_header, decode, unreadable
from lwtrain.data.images import LazyImages
from lwtrain.data.picture_folder import PictureFile


class PictureFiles(LazyImages):
    """Images in files: those asked for are decoded, on as many threads as torch computes with.

    So memory holds no more than a batch, whatever number of pictures of whatever size there are.

    Args:
        files: The pictures.
        channels: 3 makes all of them coloured, 1 grey.
        size: Height and width to bring them to.
        fit: How; see `lwtrain.data.decoding.decode`.
        device: Where they are wanted.

    Raises:
        DataError: If a file does not begin as a picture does; when images are asked for, if one cannot be read.
    """

    def __init__(
        self, files: Sequence[PictureFile], channels: int, size: int, fit: Fit, device: torch.device | None = None
    ) -> None:
        super().__init__((len(files), channels, size, size), device)
        self._files, self._fit = files, fit
        self._fingerprint = b""

    @classmethod
    def checked(cls, files: Sequence[PictureFile], channels: int, size: int, fit: Fit) -> "PictureFiles":
        """Make them, and look at the beginning of every file."""
        pictures = cls(files, channels, size, fit)
        digest = hashlib.blake2b(f"{channels} {size} {fit}".encode())
        for file, num_bytes in zip(files, _threads().map(_num_bytes, files), strict=True):
            digest.update(f"\n{file.name} {num_bytes}".encode("utf-8", "surrogateescape"))
        pictures._fingerprint = digest.digest()
        return pictures

    def to(self, device: torch.device) -> "PictureFiles":
        """Give them on another device, to which they are brought when they are asked for."""
        channels, size, _ = self.shape[1:]
        moved = PictureFiles(self._files, channels, size, self._fit, device)
        moved._fingerprint = self._fingerprint
        return moved

    def fingerprint(self) -> bytes:
        """Give some bytes that change with the files' names and sizes."""
        return self._fingerprint

    def _make(self, numbers: Tensor) -> Tensor:
        channels, size, _ = self.shape[1:]
        pixels = np.empty((len(numbers), channels, size, size), np.uint8)

        def put(place: int, number: int) -> None:
            pixels[place] = decode(self._files[number].path, channels, size, self._fit)

        for _ in _threads().map(put, range(len(numbers)), numbers.tolist()):
            pass  # what went wrong on a thread is raised here
        return torch.from_numpy(pixels)


def _num_bytes(file: PictureFile) -> int:
    check_header(file.path)
    try:
        return file.path.stat().st_size
    except OSError as error:
        raise unreadable(file.path, error) from error


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=max(1, torch.get_num_threads()), thread_name_prefix="pictures")
