"""Tells whether a checkpoint's bytes are those that were written. No torch in here."""

import zipfile
import zlib
from pathlib import Path


def is_whole(path: Path) -> bool:
    """Compare every part of a checkpoint with the checksum that stands beside it.

    A checkpoint is a zip archive, in which torch.save has left the CRC-32 of each part; torch.load does not look at
    them, and would hand out weights in which a bit has flipped.

    Args:
        path: The file.

    Returns:
        False if it is missing, cut short or damaged. A byte that has changed without changing what the file holds, such
        as a date, does no harm.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None and all(_is_plain(part) for part in archive.infolist())
    except (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return False  # RuntimeError: a flipped bit that says "encrypted"


def _is_plain(part: zipfile.ZipInfo) -> bool:
    """Whether a part is stored as torch.save does; torch reads none of what calls itself a folder."""
    stored_as_it_is = part.compress_type == zipfile.ZIP_STORED and part.compress_size == part.file_size
    return stored_as_it_is and part.external_attr == 0
