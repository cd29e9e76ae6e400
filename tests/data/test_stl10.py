import io
import logging
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch
from small_sets import archive_of, describe_set, small_stl10, tar_gz, with_archive, write
from torch import Tensor
from torchvision import datasets as published

from lwtrain.data.catalog import CATALOG
from lwtrain.data.image_size import bring_to_size
from lwtrain.data.images import JoinedImages, ResizedImages
from lwtrain.data.load import ImageDataset, load_dataset
from lwtrain.errors import DataError

INFO, CONTENTS, PIXELS = small_stl10()
IMAGES = torch.from_numpy(PIXELS)  # 20 to train on, 10 to test on, 30 without labels


def load(data_dir: Path, size: int | None = None, fit: str = "scale") -> ImageDataset:
    return load_dataset(INFO, data_dir, image_size=size, fit=fit)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    write(INFO, CONTENTS, tmp_path)
    return tmp_path


def test_columns_and_rows_are_where_they_belong(data_dir: Path) -> None:
    dataset = load(data_dir)
    assert dataset.test is not None
    rows = torch.arange(50)
    assert torch.equal(dataset.train.images[rows], torch.cat([IMAGES[:20], IMAGES[30:]]))
    assert torch.equal(dataset.test.images[:], IMAGES[20:30])


def test_torchvision_reads_the_same_from_the_same_files(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published.STL10, "_check_integrity", lambda self: True)
    theirs, ours = published.STL10(data_dir, split="train+unlabeled"), load(data_dir)
    assert torch.equal(ours.train.images[:], torch.from_numpy(np.ascontiguousarray(theirs.data)))
    assert theirs.labels is not None
    assert ours.train.labels.tolist() == theirs.labels.tolist()


def test_labels_count_from_0_and_unlabelled_images_have_none(data_dir: Path) -> None:
    dataset = load(data_dir)
    assert dataset.test is not None
    assert dataset.train.labels.tolist() == [*range(10), *range(10), *[-1] * 30]
    assert dataset.test.labels.tolist() == list(range(10))


def test_unlabelled_images_stay_in_their_file(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    read_bytes = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: read.append(self.name) or read_bytes(self))
    dataset = load(data_dir)
    assert isinstance(dataset.train.images, JoinedImages)
    assert "unlabeled_X.bin" not in read
    before = (data_dir / "stl10_binary/unlabeled_X.bin").read_bytes()
    mapped = dataset.train.images._parts[1]  # what is asked for is a copy
    mapped[:] = 0
    assert not dataset.train.images[torch.tensor([25])].any()
    assert (data_dir / "stl10_binary/unlabeled_X.bin").read_bytes() == before


@pytest.mark.parametrize(("size", "kind"), [(24, Tensor), (100, JoinedImages)])
def test_resized_images_lie_in_memory_only_where_they_get_smaller(data_dir: Path, size: int, kind: type) -> None:
    images = load(data_dir, size).train.images
    assert isinstance(images, kind)
    assert torch.equal(images[:], bring_to_size(torch.cat([IMAGES[:20], IMAGES[30:]]), size, "scale"))


def test_many_are_resized_a_few_at_a_time(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load(data_dir, 24).train.images
    monkeypatch.setattr("lwtrain.data.load._CHUNK", 7)
    assert torch.equal(load(data_dir, 24).train.images[:], whole[:])


def test_padding_leaves_them_as_they_are_in_the_middle(data_dir: Path) -> None:
    images = load(data_dir, 100, "pad").train.images
    assert isinstance(images, JoinedImages)
    assert isinstance(images._parts[1], ResizedImages)
    assert torch.equal(images[torch.tensor([49])][..., 2:98, 2:98], IMAGES[59:])


def test_chosen_classes_leave_the_unlabelled_images(data_dir: Path) -> None:
    dataset = load_dataset(INFO, data_dir, classes=["truck", "airplane"])
    assert dataset.train.labels.tolist() == [1, 0, 1, 0, *[-1] * 30]
    assert torch.equal(dataset.train.images[torch.tensor([1, 33])], IMAGES[[9, 59]])


def test_what_is_announced_is_what_was_published() -> None:
    info = CATALOG["stl10"]
    assert (info.num_train, info.num_test, info.num_unlabelled) == (5_000, 8_000, 100_000)
    listed = dict([*published.STL10.train_list, *published.STL10.test_list])
    assert {file.name: file.md5 for file in info.files} == listed
    assert info.archive is not None
    assert (info.archive.md5, info.archive.name) == (published.STL10.tgz_md5, published.STL10.filename)


def test_a_label_0_is_damage(tmp_path: Path) -> None:
    contents = [*CONTENTS[:1], bytes(20), *CONTENTS[2:]]
    info = describe_set("stl10", contents, num_train=20, num_test=10, num_unlabelled=30)
    write(info, contents, tmp_path)
    with pytest.raises(DataError, match=r"train_y\.bin holds the label 0; there they count from 1"):
        load_dataset(info, tmp_path)


def test_half_an_image_is_damage(tmp_path: Path) -> None:
    contents = [*CONTENTS[:4], CONTENTS[4][:-1]]
    info = describe_set("stl10", contents, num_train=20, num_test=10, num_unlabelled=30)
    write(info, contents, tmp_path)
    with pytest.raises(DataError, match=r"unlabeled_X\.bin holds 829,439 bytes, no whole number of images"):
        load_dataset(info, tmp_path)


@pytest.mark.parametrize("announced", [29, 31])
def test_another_number_of_unlabelled_images_is_damage(announced: int, data_dir: Path) -> None:
    with pytest.raises(DataError, match=rf"unlabeled_X\.bin holds 30 images instead of {announced}"):
        load_dataset(replace(INFO, num_unlabelled=announced), data_dir)


# The archive is too large to be read anew each time: it is unpacked, once.


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def put_archive(data_dir: Path, archive: bytes) -> None:
    data_dir.mkdir(exist_ok=True)
    (data_dir / "stl10_binary.tar.gz").write_bytes(archive)


def test_the_archive_is_unpacked_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    archive = archive_of(INFO, CONTENTS)
    put_archive(tmp_path, archive)
    info = with_archive(INFO, archive)
    for _ in range(2):
        dataset = load_dataset(info, tmp_path)
        assert torch.equal(dataset.train.images[:], torch.cat([IMAGES[:20], IMAGES[30:]]))
    assert files_in(tmp_path) == sorted(["stl10_binary.tar.gz", *(file.path for file in info.files)])
    assert len([message for message in caplog.messages if "unpacking" in message]) == 1


def test_a_file_that_is_there_is_not_unpacked_over(tmp_path: Path) -> None:
    archive = archive_of(INFO, CONTENTS)
    put_archive(tmp_path, archive)
    (tmp_path / "stl10_binary").mkdir()
    (tmp_path / "stl10_binary/train_y.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"train_y\.bin has 4 bytes instead of 20"):
        load_dataset(with_archive(INFO, archive), tmp_path)
    assert (tmp_path / "stl10_binary/train_y.bin").read_bytes() == b"mine"


def test_members_cannot_leave_the_folder(tmp_path: Path) -> None:
    paths = [file.path for file in INFO.files]
    evil = {"../evil.bin": b"evil", f"{tmp_path}/evil.bin": b"evil", f"x/../../{paths[0]}": CONTENTS[0]}
    archive = tar_gz({**evil, **dict(zip(paths, CONTENTS, strict=True))})
    put_archive(tmp_path / "data", archive)
    load_dataset(with_archive(INFO, archive), tmp_path / "data")
    assert files_in(tmp_path) == sorted(f"data/{name}" for name in ["stl10_binary.tar.gz", *paths])


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        link = tarfile.TarInfo("stl10_binary/train_X.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    put_archive(tmp_path, stream.getvalue())
    with pytest.raises(DataError, match=r"tar\.gz holds no stl10_binary/train_X\.bin of the right size"):
        load_dataset(with_archive(INFO, stream.getvalue()), tmp_path)
    assert files_in(tmp_path) == ["stl10_binary.tar.gz"]


def test_a_member_with_another_content_is_not_put_in_place(tmp_path: Path) -> None:
    paths = [file.path for file in INFO.files]
    other = [CONTENTS[0], bytes(20), *CONTENTS[2:]]
    archive = tar_gz(dict(zip(paths, other, strict=True)))
    put_archive(tmp_path, archive)
    with pytest.raises(DataError, match=r"is not the published one: stl10_binary/train_y\.bin in it has the MD5 "):
        load_dataset(with_archive(INFO, archive), tmp_path)
    assert not (tmp_path / "stl10_binary/train_y.bin").exists()


def test_bytes_that_are_no_archive_are_named(tmp_path: Path) -> None:
    for content in (b"nothing of the kind", archive_of(INFO, CONTENTS)[:5000]):
        put_archive(tmp_path, content)
        with pytest.raises(DataError, match=rf"^dataset=stl10: {tmp_path}/stl10_binary\.tar\.gz cannot be unpacked: "):
            load_dataset(with_archive(INFO, content), tmp_path)
        assert files_in(tmp_path) == ["stl10_binary.tar.gz"]


def test_a_full_disk_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> NoReturn:
        raise OSError(28, os.strerror(28))

    archive = archive_of(INFO, CONTENTS)
    put_archive(tmp_path, archive)
    monkeypatch.setattr("shutil.copyfileobj", fill)
    with pytest.raises(DataError) as error:
        load_dataset(with_archive(INFO, archive), tmp_path)
    assert str(error.value) == (
        f"dataset=stl10: {tmp_path}/stl10_binary.tar.gz cannot be unpacked into {tmp_path}/ "
        "(No space left on device).\nUnpack it there yourself, choose another data_dir, "
        "or train on the bundled set: dataset=fashion_mini"
    )
    assert files_in(tmp_path) == ["stl10_binary.tar.gz"]
