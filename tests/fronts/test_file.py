"""Files without a name: their bytes, their space, and what is said where either fails."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from lwtrain.errors import ConfigError, TrainingError
from lwtrain.fronts.file import NamelessFile, reserve


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (file,) = reserve(tmp_path, [100])
    written, read = np.arange(50, dtype=np.uint8), np.zeros(30, np.uint8)
    file.write([(10, written[:20]), (50, written[20:])])
    file.read([(15, read[:15]), (50, read[15:])])
    assert read.tolist() == [*range(5, 20), *range(20, 35)]
    file.close()


def test_its_space_is_there_from_the_beginning(tmp_path: Path) -> None:
    file = NamelessFile(tmp_path, 3 << 20)
    stat = os.fstat(file._file)
    assert stat.st_size == 3 << 20
    assert stat.st_blocks * 512 >= 3 << 20
    file.close()


def test_it_has_no_name_and_no_kill_leaves_it_behind(tmp_path: Path) -> None:
    program = (
        "import os, sys, pathlib, signal\n"
        "from lwtrain.fronts.file import reserve\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "files = reserve(folder, [1 << 20, 1 << 20])\n"
        "files[0].write([(0, b'half a front')])\n"
        "print([os.fstat(file._file).st_nlink for file in files], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout.strip() == "[0, 0]"
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_too_small_is_told_before_it_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10 << 30, 6 << 30, 4 << 30))
    monkeypatch.setattr(os, "posix_fallocate", lambda *_: pytest.fail("tried to take what is not there"))
    with pytest.raises(ConfigError) as caught:
        reserve(tmp_path, [12 << 30, 322122547])
    assert str(caught.value) == (
        f"front=disk: needs 12.3 GiB in {tmp_path}, 4.0 GiB are free; choose another front.folder, or front=recompute"
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_space_that_another_took_is_told_and_what_was_had_is_given_back(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def reserve_once(file: int, start: int, size: int) -> None:
        taken.append(file)
        if len(taken) == 2:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", reserve_once)
    with pytest.raises(ConfigError, match=r"^front=disk: needs 3\.0 MiB in .*, .* are free; choose another"):
        reserve(tmp_path, [2 << 20, 1 << 20])
    assert len(taken) == 2
    for file in taken:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(file)


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_where_space_cannot_be_reserved_the_file_is_made_without(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    (file,) = reserve(tmp_path, [5000])
    assert os.fstat(file._file).st_size == 5000
    file.close()


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_folder_that_cannot_be_used_is_named(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=rf"^front\.folder=.*{folder}: cannot be written to \(.*\); choose another$"):
        reserve(tmp_path / folder, [10])


def test_a_system_without_such_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwtrain.fronts.file.AVAILABLE", False)
    with pytest.raises(ConfigError, match=r"^front=disk: not on this system; choose front=memory or front=recompute$"):
        reserve(tmp_path, [10])


@pytest.mark.parametrize("call", ["preadv", "pwritev"])
def test_a_failing_disk_is_told_with_what_to_do(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (file,) = reserve(tmp_path, [10])
    monkeypatch.setattr(os, call, fail)
    action, done = (file.read, "read from") if call == "preadv" else (file.write, "written to")
    with pytest.raises(TrainingError) as caught:
        action([(0, np.zeros(4, np.uint8))])
    assert str(caught.value) == (
        f"front=disk: the file in {tmp_path} cannot be {done} (Input/output error); stopped; checkpoints of earlier "
        "epochs are kept.\nGo on with another front.folder, or with front=recompute"
    )
    file.close()


def test_a_file_that_ends_too_early_is_told(tmp_path: Path) -> None:
    (file,) = reserve(tmp_path, [10])
    os.ftruncate(file._file, 6)
    with pytest.raises(TrainingError, match="the file ends too early"):
        file.read([(0, np.zeros(10, np.uint8))])
    file.close()


def test_what_one_call_leaves_undone_the_next_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pwritev, preadv = os.pwritev, os.preadv
    monkeypatch.setattr(os, "pwritev", lambda file, parts, place: pwritev(file, [parts[0][:3]], place))
    monkeypatch.setattr(os, "preadv", lambda file, parts, place: preadv(file, [parts[0][:4]], place))
    (file,) = reserve(tmp_path, [10])
    written, read = np.arange(10, dtype=np.uint8), np.zeros(10, np.uint8)
    file.write([(0, written)])
    file.read([(0, read)])
    assert read.tolist() == written.tolist()
    file.close()
