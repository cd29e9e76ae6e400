"""Unpack an archive that is too large to be read anew for every run."""

import logging
import os
import shutil
import tarfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from lwtrain.data.published_set import DataFile, PublishedSet

_log = logging.getLogger(__name__)


class UnpackError(Exception):
    """The archive is not what it should be; the message says what is wrong with it."""


def unpack(info: PublishedSet, archive: DataFile, data_dir: Path) -> None:
    """Put each file of a data set that is missing at its path below `data_dir`, as a whole or not at all.

    Where a file goes is what `info` says, whatever the archive calls its members; of others nothing is unpacked.

    Raises:
        UnpackError: If the archive cannot be read, or lacks a file, or holds another one.
        OSError: If `data_dir` cannot be written, or is full.
    """
    path = data_dir / archive.path
    missing = {file.path: file for file in info.files if not os.path.lexists(data_dir / file.path)}
    size = sum(file.size for file in missing.values())
    _log.info("dataset=%s: unpacking %s, once: %.1f GB", info.name, path, size / 1e9)
    with TemporaryDirectory(dir=data_dir, prefix=".unpack-") as folder:
        try:
            with tarfile.open(path, "r:gz") as tar:
                for member in tar:
                    file = missing.get(member.name)
                    if file is None or not member.isreg() or member.size != file.size:
                        continue
                    if stream := tar.extractfile(member):
                        partial = Path(folder, file.name)
                        with partial.open("wb") as target:
                            shutil.copyfileobj(stream, target, 1 << 20)
                        _put_in_place(file, partial, data_dir)
                        del missing[file.path]
        except (tarfile.TarError, EOFError, ValueError, zlib.error) as error:
            raise UnpackError(f"cannot be unpacked: {error}") from error
        except OSError as error:
            if error.errno is None:  # gzip's own; the system gives its errors a number
                raise UnpackError(f"cannot be unpacked: {error}") from error
            raise
    if missing:
        raise UnpackError(f"holds no {next(iter(missing))} of the right size")


def _put_in_place(file: DataFile, partial: Path, data_dir: Path) -> None:
    if flaw := file.flaw_of(partial):
        raise UnpackError(f"is not the published one: {file.path} in it {flaw}")
    target = data_dir / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    partial.replace(target)
