import logging
import os
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from small_folders import pets, save_picture

from lwtrain.data.augmentation import preset
from lwtrain.data.decoding import decode
from lwtrain.data.load import ImageDataset, load_dataset
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data.picture_files import PictureFiles, _threads
from lwtrain.data.picture_folder import list_pictures
from lwtrain.errors import DataError


def load(root: Path, size: int = 8) -> ImageDataset:
    return load_dataset(list_pictures(root, root / "more", image_size=size), fit="crop")


def data_of(root: Path, **settings: object) -> SemiSupervisedDataModule:
    dataset = load(root)
    return SemiSupervisedDataModule(dataset.train, dataset.test, **{"validation": 0.25, "batch_size": 4} | settings)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return pets(tmp_path)


def test_pictures_come_with_the_labels_of_their_folders(root: Path) -> None:
    dataset = load(root)
    assert dataset.test is not None
    assert dataset.train.labels.tolist() == [0] * 6 + [1] * 4 + [-1] * 5
    assert dataset.test.labels.tolist() == [0, 0, 1, 1]
    assert dataset.classes == ("cat", "dog")
    bright = dataset.train.images[:].float().mean(dim=(1, 2, 3)) > 150
    assert bright.tolist() == [False] * 6 + [True] * 4 + [False] * 5


def test_they_act_as_a_tensor_of_all_of_them(root: Path) -> None:
    images = load(root).train.images
    assert isinstance(images, PictureFiles)
    rows = torch.tensor([7, 0, 7, 12])
    assert (images.shape, len(images), images.device) == (torch.Size([15, 3, 8, 8]), 15, torch.device("cpu"))
    assert images[rows].dtype == torch.uint8
    assert torch.equal(images[rows], images[:][rows])
    assert torch.equal(images[2:9:3], images[:][2:9:3])
    assert (images[rows[1:2]][0].numpy() == decode(root / "train/cat/000.png", 3, 8, "crop")).all()
    assert images.to(torch.device("meta"))[rows].device.type == "meta"


def test_only_those_asked_for_are_decoded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[str, str]] = []

    def listen(path: Path, *settings: object) -> object:
        decoded.append((path.name, threading.current_thread().name))
        return decode(path, *settings)

    monkeypatch.setattr("lwtrain.data.picture_files.decode", listen)
    images = load(root).train.images
    assert not decoded
    images[torch.tensor([3, 1])]
    assert {name for name, _ in decoded} == {"003.png", "001.png"}
    assert all(thread.startswith("pictures") for _, thread in decoded)


def test_as_many_threads_decode_as_torch_computes_with(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together, threads = threading.Barrier(3, timeout=30), set()

    def meet(path: Path, *settings: object) -> object:
        together.wait()  # fewer than three would wait in vain
        threads.add(threading.current_thread().name)
        return decode(path, *settings)

    images = load(root).train.images
    monkeypatch.setattr("lwtrain.data.picture_files.decode", meet)
    monkeypatch.setattr("torch.get_num_threads", lambda: 3)
    monkeypatch.setattr("lwtrain.data.picture_files._threads", cache(_threads.__wrapped__))
    images[torch.arange(12)]
    assert len(threads) == 3


def test_the_size_may_be_another_one_than_was_described(root: Path) -> None:
    info = list_pictures(root, image_size=64)
    assert load_dataset(info, image_size=5, fit="pad").train.images[:].shape == (10, 3, 5, 5)


def test_without_test_pictures_there_is_nothing_to_test_on(root: Path) -> None:
    assert load_dataset(list_pictures(root / "train")).test is None


def test_a_file_that_is_no_picture_is_found_before_training(root: Path) -> None:
    (root / "test" / "dog" / "zzz.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"test/dog/zzz\.jpg cannot be read as a picture"):
        load(root)


def test_a_picture_that_breaks_off_is_named_when_it_is_read(root: Path) -> None:
    save_picture(root / "train/cat/001.png", size=(50, 50))
    content = (root / "train/cat/001.png").read_bytes()
    (root / "train/cat/001.png").write_bytes(content[: len(content) // 2])
    images = load(root).train.images
    images[torch.tensor([0, 2])]
    with pytest.raises(DataError, match=r"train/cat/001\.png cannot be read as a picture"):
        images[torch.tensor([0, 1, 2])]


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [message.removeprefix("dataset=image_folder: ") for message in caplog.messages]


def test_what_was_found_is_said_in_a_line(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    load(root)
    load_dataset(list_pictures(root / "train"), classes=["dog", "cat"])
    assert messages(caplog) == [
        "10 pictures of 2 classes: cat, dog; 4 to test on; 5 unlabelled",
        "10 pictures of 2 classes: dog, cat; none to test on; none unlabelled",
    ]


def test_of_many_classes_the_first_are_named(tmp_path: Path) -> None:
    for number in range(12):
        save_picture(tmp_path / f"class_{number:02}" / "a.png")
    said = list_pictures(tmp_path).summary
    assert said.startswith("12 pictures of 12 classes: class_00, ")
    assert ", class_09, and 2 more; none to test on" in said


def test_files_that_are_left_out_are_counted(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    (root / "train" / "cat" / "a.txt").write_text("")
    save_picture(root / "train" / "overview.png")
    load(root)
    assert messages(caplog) == [
        f"2 files left out, by their names no pictures or in no class's folder, such as {root}/train/overview.png"
    ]


def test_names_that_are_no_text_are_written_with_backslashes(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    name = os.fsdecode(b"caf\xe9\n")
    (root / "train" / "cat" / f"{name}.txt").write_text("")
    save_picture(root / "train" / "cat" / f"{name}.png", size=(50, 50))
    images = load(root).train.images
    assert messages(caplog)[-1].endswith(rf"such as {root}/train/cat/caf\xe9\n.txt")
    assert images[:].shape == (16, 3, 8, 8)
    (root / "train" / "cat" / f"{name}.png").write_bytes(b"no picture")
    for read in (lambda: images[:], lambda: load(root)):
        with pytest.raises(DataError) as error:
            read()
        said = str(error.value)
        assert said.startswith(rf"{root}/train/cat/caf\xe9\n.png cannot be read as a picture: ")
        assert (said.count("\n"), said.isascii()) == (1, True)


def test_a_link_to_nowhere_is_named_once(root: Path) -> None:
    link = root / "train" / "cat" / "link.png"
    link.symlink_to(root / "gone.png")
    with pytest.raises(DataError) as error:
        load(root)
    said = f"{link} cannot be read as a picture: No such file or directory.\nMend it, or take it away"
    assert str(error.value) == said


# In a data module


def test_pictures_without_a_label_are_learned_from_and_never_validated_on(root: Path) -> None:
    data = data_of(root, batches="half")
    assert len(data.labelled) == 7
    assert data.unlabelled.tolist() == [10, 11, 12, 13, 14]
    assert set(data.held_out.tolist()) <= set(range(10))
    assert data.num_classes == 2
    for rows, labels, _ in data.train_dataloader():
        images = data.rows((0, 0)).images[rows]
        assert (data.train.labels[images[: len(labels)]] == labels).all()
        assert (images[len(labels) :] >= 10).all()


def test_a_view_of_pictures_is_that_of_a_tensor_of_them(root: Path) -> None:
    streaming, held = (data_of(root, augmentation=preset("heavy_10")) for _ in range(2))
    held.train = type(held.train)(held.train.images[:], held.train.labels)
    rows = torch.tensor([3, 1, 3, 0])
    for view in ((0, 0), (1, 0)):
        assert torch.equal(streaming.turn_to(view)[rows], held.turn_to(view)[rows])
    streaming.images_to(torch.device("cpu"))
    assert torch.equal(streaming.validation_view()[0:2], held.validation_view()[0:2])
    for one, other in ((streaming.val_dataloader(), held.val_dataloader()),) * 2:
        for (images, labels), (images_held, labels_held) in zip(one, other, strict=True):
            assert torch.equal(images, images_held)
            assert torch.equal(labels, labels_held)


def test_a_folder_that_was_moved_is_the_same(root: Path) -> None:
    state = data_of(root, labels=4).state_dict()
    data_of(root, labels=4).load_state_dict(state)
    moved = root.parent / f"{root.name}_moved"
    root.rename(moved)
    data_of(moved, labels=4).load_state_dict(state)


def _rename(root: Path) -> None:
    (root / "train/cat/003.png").rename(root / "train/cat/004a.png")


def _alter(root: Path) -> None:
    with (root / "train/cat/003.png").open("ab") as picture:
        picture.write(b" ")


def _replace_unlabelled(root: Path) -> None:
    (root / "more/deep/000.JPG").rename(root / "more/deep/900.JPG")


def _exchange(root: Path) -> None:
    (root / "train/cat").rename(root / "train/hen")


@pytest.mark.parametrize("change", [_rename, _alter, _replace_unlabelled, _exchange])
def test_a_folder_that_has_changed_is_another(root: Path, change: Callable[[Path], None]) -> None:
    state = data_of(root, labels=4).state_dict()
    (root / "test").rename(root.parent / f"{root.name}_test")
    data_of(root, labels=4).load_state_dict(state)
    change(root)
    with pytest.raises(DataError, match="its run had other training data"):
        data_of(root, labels=4).load_state_dict(state)
