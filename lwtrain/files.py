"""Files that are whole or not there: written beside their place, brought to disk, and renamed."""

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lwtrain.errors import WriteError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Replace `path` by what `write` puts into a file; if that fails, or the process dies, the old file stays.

    Args:
        path: Its folder is made where missing.
        write: Gets an open binary file.

    Raises:
        WriteError: If the disk is full or cannot be written to.
    """
    partial = path.with_name(path.name + ".partial")
    with disk_at_fault(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            with contextlib.suppress(OSError):  # where the disk is at fault, it may be so here, too
                partial.unlink(missing_ok=True)
        _sync_folder(path.parent)


@contextmanager
def disk_at_fault(path: Path) -> Iterator[None]:
    """Turn what a disk answers to an attempt to write `path` into a WriteError; other errors pass.

    A library that was writing may wrap the disk's answer into an error of its own, as torch.save does.
    """
    try:
        yield
    except WriteError:
        raise
    except Exception as error:
        if (answer := _answer_of_the_disk(error)) is None:
            raise
        remedy = "free some space" if answer.errno in _NO_SPACE else "make its folder writable"
        told = f"{path}: cannot be written ({answer.strerror}); what was there before is kept.\nFirst {remedy}"
        raise WriteError(answer.errno, told) from error


def _answer_of_the_disk(error: BaseException | None) -> OSError | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error
        error = error.__context__
    return None


def _sync_folder(folder: Path) -> None:
    """Bring a new name to disk; where a system cannot open folders, it has other ways."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
