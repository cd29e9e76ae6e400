"""Disks of their own size, that can be filled up or made read-only."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

_BALLAST = "ballast"


class SmallDisk:
    """A disk in memory; it takes the right to mount one."""

    def __init__(self, folder: Path, kib: int) -> None:
        self.folder = folder
        folder.mkdir()
        self._mount("-t", "tmpfs", "-o", f"size={kib}k", "tmpfs")

    def fill(self, *, but: int) -> None:
        """Use up all space but so many KiB."""
        path = self.folder / _BALLAST
        with path.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        os.truncate(path, max(0, path.stat().st_size // 1024 - but) * 1024)

    def empty(self) -> None:
        """Give the space back."""
        (self.folder / _BALLAST).unlink()

    def make_read_only(self) -> None:
        """Let nobody write any more."""
        self._mount("-o", "remount,ro")

    def remove(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "-l", self.folder], check=True)

    def _mount(self, *words: str) -> None:
        done = subprocess.run(["mount", *words, self.folder], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"needs the right to mount a disk ({done.stderr.strip()})")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """16 MiB: enough for a small run, and filled in no time."""
    disk = SmallDisk(tmp_path / "disk", kib=16384)
    yield disk
    disk.remove()
