import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from small_sets import archive_of, small_cifar10, small_mnist, tar_gz, with_archive, write

from lwtrain.data.fashion_mini import FASHION_MINI
from lwtrain.data.load import load_dataset
from lwtrain.data.published_set import PublishedSet
from lwtrain.errors import DataError

HINT = "or train on the bundled set: dataset=fashion_mini"


def message(info: PublishedSet, data_dir: Path) -> str:
    """What the user reads; nothing in data_dir may be touched meanwhile."""
    before = snapshot(data_dir)
    with pytest.raises(DataError) as error:
        load_dataset(info, data_dir, download=False)
    assert snapshot(data_dir) == before
    return str(error.value)


def snapshot(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest() if path.is_file() else "no file"
        for path in folder.rglob("*")
    }


def test_folder_and_archive_hold_the_same_data(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    archive = archive_of(info, contents)
    write(info, contents, tmp_path / "folder")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "cifar-10-binary.tar.gz").write_bytes(archive)
    from_folder = load_dataset(info, tmp_path / "folder")
    from_archive = load_dataset(with_archive(info, archive), tmp_path / "archive")
    assert torch.equal(from_folder.train.images, from_archive.train.images)
    assert torch.equal(from_folder.test.labels, from_archive.test.labels)


def test_an_archive_is_read_without_unpacking_it(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    archive = archive_of(info, contents)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive)
    load_dataset(with_archive(info, archive), tmp_path)
    assert list(snapshot(tmp_path)) == ["cifar-10-binary.tar.gz"]


def test_the_archive_stands_in_for_an_incomplete_folder(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    archive = archive_of(info, contents)
    write(info, contents, tmp_path)
    (tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    assert message(info, tmp_path).startswith(f"dataset=cifar10: no CIFAR-10 in {tmp_path}/ and downloads are ")
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive)
    assert len(load_dataset(with_archive(info, archive), tmp_path).train) == 10


def test_missing_data_are_named_with_the_remedy(tmp_path: Path) -> None:
    assert message(small_cifar10()[0], tmp_path) == (
        f"dataset=cifar10: no CIFAR-10 in {tmp_path}/ and downloads are switched off.\n"
        f"Put cifar-10-binary.tar.gz there, {HINT}"
    )


def test_only_the_files_that_are_missing_are_named(tmp_path: Path) -> None:
    info, contents = small_mnist()
    write(info, contents, tmp_path)
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert message(info, tmp_path) == (
        f"dataset=mnist: no t10k-labels-idx1-ubyte.gz in {tmp_path}/MNIST/raw/ and downloads are switched off.\n"
        f"Put t10k-labels-idx1-ubyte.gz there, {HINT}"
    )


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    write(info, [*contents[:5], contents[5][:1000]], tmp_path)
    assert message(info, tmp_path) == (
        f"dataset=cifar10: {tmp_path}/cifar-10-batches-bin/test_batch.bin has 1,000 bytes instead of 6,146.\n"
        f"Delete it to have it downloaded again, {HINT}"
    )


def test_a_file_with_a_single_other_bit_is_named(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    other = bytes([contents[2][0] ^ 1]) + contents[2][1:]
    write(info, [*contents[:2], other, *contents[3:]], tmp_path)
    assert "data_batch_3.bin has the MD5 " in message(info, tmp_path)


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    archive = archive_of(info, contents)
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive[:-1] + b"?")
    assert f"{tmp_path}/cifar-10-binary.tar.gz has the MD5 " in message(with_archive(info, archive), tmp_path)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    write(info, contents, tmp_path)
    path = tmp_path / "cifar-10-batches-bin" / "data_batch_1.bin"
    path.unlink()
    path.mkdir()
    assert str(path) in message(info, tmp_path)


def test_a_link_to_nowhere_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").symlink_to("unmounted/cifar-10-binary.tar.gz")
    info = with_archive(small_cifar10()[0], b"", urls=("http://127.0.0.1:9/",))
    assert message(info, tmp_path) == (
        f"dataset=cifar10: {tmp_path}/cifar-10-binary.tar.gz cannot be read (No such file or directory).\n"
        f"Make it readable, {HINT}"
    )


def test_files_that_come_with_lwtrain_are_mended_by_installing_it_again(tmp_path: Path) -> None:
    info = replace(FASHION_MINI, bundled_in=tmp_path)
    remedy = "\nInstall lwtrain again"
    assert message(info, tmp_path) == f"dataset=fashion_mini: {tmp_path}/fashion_mini_train.png is missing.{remedy}"
    for file in info.train_files + info.test_files:
        (tmp_path / file.path).write_bytes(b"")
    assert message(info, tmp_path).endswith(f"fashion_mini_train.png has 0 bytes instead of 4,044,425.{remedy}")


def test_only_the_named_members_of_an_archive_are_read(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    names = [file.path for file in info.train_files + info.test_files]
    evil = {"../evil.bin": b"evil", "/tmp/lwtrain-evil.bin": b"evil", f"cifar/../../{names[0]}": contents[1]}
    archive = tar_gz({**evil, **dict(zip(names, contents, strict=True))})
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "cifar-10-binary.tar.gz").write_bytes(archive)
    assert load_dataset(with_archive(info, archive), data_dir).train.labels[0] == 0
    assert list(snapshot(tmp_path)) == ["data", "data/cifar-10-binary.tar.gz"]
    assert not Path("/tmp/lwtrain-evil.bin").exists()


@pytest.mark.parametrize("name", ["../cifar-10-batches-bin/test_batch.bin", "test_batch.bin"])
def test_a_member_under_another_name_is_not_taken(tmp_path: Path, name: str) -> None:
    info, contents = small_cifar10()
    names = [file.path for file in info.train_files]
    archive = tar_gz({**dict(zip(names, contents[:5], strict=True)), name: contents[5]})
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(archive)
    assert "tar.gz holds no cifar-10-batches-bin/test_batch.bin of the right" in message(
        with_archive(info, archive), tmp_path
    )


@pytest.fixture
def locked() -> Iterator[Path]:
    """A data_dir that may not be written, for root neither: root steps down meanwhile."""
    import pooch  # noqa: F401 - while its files can still be read
    import requests  # noqa: F401

    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)
            Path(folder).chmod(0o755)


def test_a_data_dir_that_may_not_be_written_is_named(locked: Path) -> None:
    info = with_archive(small_cifar10()[0], b"", urls=("http://127.0.0.1:9/",))
    for data_dir in (locked, locked / "new"):
        with pytest.raises(DataError) as error:
            load_dataset(info, data_dir)
        assert str(error.value) == (
            f"dataset=cifar10: no CIFAR-10 in {data_dir}/ and the download into {data_dir}/ failed "
            f"(Permission denied).\nChoose another data_dir, {HINT}"
        )


def test_a_data_dir_that_is_a_file_is_named(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.write_bytes(b"mine")
    info = with_archive(small_cifar10()[0], b"", urls=("http://127.0.0.1:9/",))
    with pytest.raises(DataError, match=r"\(File exists\)\.\nChoose another data_dir"):
        load_dataset(info, data_dir)
    assert data_dir.read_bytes() == b"mine"
