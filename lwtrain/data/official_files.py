"""The files of a data set as their publisher made them: found or downloaded, and verified before anything reads them.

An archive is read where it lies: nothing is unpacked to disk. Only one with a file that is too large to be read as a
whole is unpacked, once.
"""

import os
import tarfile
import zlib
from pathlib import Path

from lwtrain.data.download import DownloadError, download
from lwtrain.data.published_set import DataFile, FileContent, PublishedSet
from lwtrain.data.unpacking import UnpackError, unpack
from lwtrain.errors import DataError

_ELSE = "train on the bundled set: dataset=fashion_mini"


def read_official_files(info: PublishedSet, data_dir: Path, *, fetch: bool) -> dict[DataFile, FileContent]:
    """Read every file of a data set: as it lies in `data_dir`, or else out of its archive.

    What is missing is downloaded, if `fetch`; a file that is there is never replaced. A file of unlabelled images is
    not read, but made sure of.

    Raises:
        DataError: If a file is missing and cannot be had, or is not the one that was published.
    """
    archive = info.archive if _missing(info.files, data_dir) else None
    needed = info.files if archive is None else (archive,)
    if missing := _missing(needed, data_dir):
        _download_all(info, missing, data_dir, fetch)
    if archive is not None and info.unlabelled_file is None:
        return _read_archive(info, archive, data_dir)
    if archive is not None:
        _unpack(info, archive, data_dir)
    if info.unlabelled_file is not None:
        _verify(info, info.unlabelled_file, data_dir / info.unlabelled_file.path)
    return {file: _read_file(info, file, data_dir) for file in info.train_files + info.test_files}


def damaged(info: PublishedSet, path: Path, flaw: str) -> DataError:
    """Word the error for a file that is there but cannot be used."""
    remedy = "Install lwtrain again" if info.bundled else f"Delete it to have it downloaded again, or {_ELSE}"
    return DataError(f"dataset={info.name}: {path} {flaw}.\n{remedy}")


def _missing(files: tuple[DataFile, ...], data_dir: Path) -> tuple[DataFile, ...]:
    # A link to nowhere is there, too: it may be the user's, whose data are on a disk that is not mounted.
    return tuple(file for file in files if not os.path.lexists(data_dir / file.path))


def _download_all(info: PublishedSet, files: tuple[DataFile, ...], data_dir: Path, fetch: bool) -> None:
    if info.bundled:
        raise damaged(info, data_dir / files[0].path, "is missing")
    folder = (data_dir / files[0].path).parent
    names = ", ".join(file.name for file in files)
    everything = files in ((info.archive,), info.files)
    lacking = f"dataset={info.name}: no {info.title if everything else names} in {folder}/ and"
    if not fetch:
        raise DataError(f"{lacking} downloads are switched off.\nPut {names} there, or {_ELSE}")
    try:
        for file in files:
            download(file, data_dir)
    except DownloadError as error:
        raise DataError(f"{lacking} the download failed ({error}).\nPut {names} there, or {_ELSE}") from error
    except OSError as error:
        failure = f"the download into {data_dir}/ failed ({error.strerror or error})"
        raise DataError(f"{lacking} {failure}.\nChoose another data_dir, or {_ELSE}") from error


def _read_file(info: PublishedSet, file: DataFile, data_dir: Path) -> FileContent:
    path = data_dir / file.path
    _verify(info, file, path)
    return FileContent(path, path.read_bytes())


def _verify(info: PublishedSet, file: DataFile, path: Path) -> None:
    try:
        flaw = file.flaw_of(path)
    except OSError as error:
        raise DataError(
            f"dataset={info.name}: {path} cannot be read ({error.strerror}).\nMake it readable, or {_ELSE}"
        ) from error
    if flaw is not None:
        raise damaged(info, path, flaw)


def _unpack(info: PublishedSet, archive: DataFile, data_dir: Path) -> None:
    path = data_dir / archive.path
    _verify(info, archive, path)
    try:
        unpack(info, archive, data_dir)
    except UnpackError as error:
        raise damaged(info, path, str(error)) from error
    except OSError as error:
        remedy = f"Unpack it there yourself, choose another data_dir, or {_ELSE}"
        raise DataError(
            f"dataset={info.name}: {path} cannot be unpacked into {data_dir}/ ({error.strerror}).\n{remedy}"
        ) from error


def _read_archive(info: PublishedSet, archive: DataFile, data_dir: Path) -> dict[DataFile, FileContent]:
    path = data_dir / archive.path
    _verify(info, archive, path)
    wanted = {file.path: file for file in info.train_files + info.test_files}
    contents = {}
    try:
        with tarfile.open(path, "r:gz") as tar:
            for member in tar:
                file = wanted.get(member.name)
                if file is not None and member.size == file.size and (stream := tar.extractfile(member)):
                    contents[file] = FileContent(path / member.name, stream.read())
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(info, path, f"cannot be unpacked: {error}") from error
    if lacking := [file.path for file in wanted.values() if file not in contents]:
        raise damaged(info, path, f"holds no {lacking[0]} of the right size")
    return contents
