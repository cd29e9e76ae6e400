from pathlib import Path
from typing import IO

import pytest

from lwtrain.files import write_whole


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "figures.json"
    for content in (b"old", b"new"):
        write_whole(path, lambda file, content=content: file.write(content))
        assert path.read_bytes() == content
        assert list(path.parent.iterdir()) == [path]


def test_a_failure_midway_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    path.write_bytes(b"old")

    def fail(file: IO[bytes]) -> None:
        file.write(b"ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stands_until_the_new_one_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "figures.json"
    path.write_bytes(b"old")
    seen: list[bytes] = []
    monkeypatch.setattr("os.fsync", lambda _: seen.append(path.read_bytes()))
    write_whole(path, lambda file: file.write(b"new"))
    assert seen == [b"old", b"new"]  # the file, and then the folder that holds its name
    assert path.read_bytes() == b"new"
