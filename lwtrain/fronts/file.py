"""A file that nobody can find and no crash leaves behind, with space that is sure to be there."""

import errno
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lwtrain.errors import ConfigError, TrainingError
from lwtrain.fronts.size import readable

AVAILABLE = hasattr(os, "preadv")
"""Whether this system has what such a file is read and written with."""

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CANNOT_RESERVE = (errno.EOPNOTSUPP, errno.EINVAL)  # the file system's answer; ENOSPC may come later then


class NamelessFile:
    """Bytes on disk.

    The file has no name from the beginning, so that not even a kill leaves it behind and nothing half-written is ever
    taken for whole. It is read and written by system calls rather than mapped into memory: a disk's failure is then an
    error that can be told, and not the signal that ends a process; and the process holds none of the file's pages.

    Args:
        folder: Where it lies.
        num_bytes: Its size. The space is reserved at once.

    Raises:
        OSError: If it cannot be made there, or there is no space.
    """

    def __init__(self, folder: Path, num_bytes: int) -> None:
        self.folder, self.num_bytes = folder, num_bytes
        with tempfile.TemporaryFile(dir=folder) as file:
            self._file = os.dup(file.fileno())
        self._closing = weakref.finalize(self, os.close, self._file)  # at the latest when nobody reads it any more
        _reserve(self._file, num_bytes)

    def write(self, contents: Iterable[tuple[int, Any]]) -> None:
        """Write bytes to places.

        Raises:
            TrainingError: If the disk fails.
        """
        self._carry_out(os.pwritev, contents, "written to")

    def read(self, buffers: Iterable[tuple[int, Any]]) -> None:
        """Fill buffers of bytes from places.

        Raises:
            TrainingError: If the disk fails.
        """
        self._carry_out(os.preadv, buffers, "read from")

    def close(self) -> None:
        """Give the space back."""
        self._closing()

    def _carry_out(self, call: Any, parts: Iterable[tuple[int, Any]], done: str) -> None:
        assert self._closing.alive, "the file is closed"
        try:
            for place, part in parts:
                moved = call(self._file, [part], place)
                while moved < len(part):  # one call moves 2 GiB at most
                    step = call(self._file, [part[moved:]], place + moved)
                    if not step:
                        raise OSError(errno.EIO, "the file ends too early")
                    moved += step
        except OSError as error:
            raise TrainingError(
                f"front=disk: the file in {self.folder} cannot be {done} ({error.strerror}); "
                "stopped; checkpoints of earlier epochs are kept.\n"
                "Go on with another front.folder, or with front=recompute"
            ) from error


def reserve(folder: Path, sizes: Sequence[int]) -> list[NamelessFile]:
    """Make files of these sizes in bytes.

    Raises:
        ConfigError: If the folder cannot be written to or has too little space; nothing is left behind then.
    """
    if not AVAILABLE:
        raise ConfigError("front=disk: not on this system; choose front=memory or front=recompute")
    try:
        free = shutil.disk_usage(folder).free
        if sum(sizes) > free:  # to try would fill the disk up for a moment
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return [NamelessFile(folder, size) for size in sizes]
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise ConfigError(
                f"front.folder={folder}: cannot be written to ({error.strerror}); choose another"
            ) from error
        raise ConfigError(
            f"front=disk: needs {readable(sum(sizes))} in {folder}, {readable(free)} are free; "
            "choose another front.folder, or front=recompute"
        ) from error


def _reserve(file: int, num_bytes: int) -> None:
    try:
        os.posix_fallocate(file, 0, num_bytes)
    except AttributeError:
        os.ftruncate(file, num_bytes)
    except OSError as error:
        if error.errno not in _CANNOT_RESERVE:
            raise
        os.ftruncate(file, num_bytes)
