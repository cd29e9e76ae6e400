"""Files that are whole or not there: written beside their place, brought to disk, and renamed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Replace `path` by what `write` puts into a file; if that fails, or the process dies, the old file stays.

    Args:
        path: Its folder is made where missing.
        write: Gets an open binary file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
