import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_folders import pets, save_class, save_picture

from lwtrain.data.picture_folder import FolderSet, list_pictures
from lwtrain.errors import ConfigError

NOT_UTF_8 = os.fsdecode(b"caf\xe9")


def names(info: FolderSet) -> list[str]:
    return [file.name for files in info.train for file in files]


def test_listing_needs_neither_torch_nor_a_decoder() -> None:
    code = "import sys, lwtrain.data.picture_folder; sys.exit(bool({'torch', 'PIL'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_training_and_test_pictures_are_counted_by_class(tmp_path: Path) -> None:
    info = list_pictures(pets(tmp_path), tmp_path / "more", channels=1, image_size=20)
    assert info.classes == ("cat", "dog")
    assert (info.train_per_class, info.test_per_class, info.num_unlabelled) == ((6, 4), (2, 2), 5)
    assert (info.channels, info.image_size, info.in_data_dir) == (1, 20, False)


def test_folders_of_classes_alone_leave_nothing_to_test_on(tmp_path: Path) -> None:
    pets(tmp_path)
    info = list_pictures(tmp_path / "train")
    assert (info.train_per_class, info.test_per_class, info.num_test) == ((6, 4), (0, 0), 0)


def test_val_stands_in_for_test(tmp_path: Path) -> None:
    (pets(tmp_path) / "test").rename(tmp_path / "val")
    assert list_pictures(tmp_path).test_per_class == (2, 2)


def test_capitals_make_no_difference_to_train_and_test(tmp_path: Path) -> None:
    pets(tmp_path)
    for name in ("train", "test"):
        (tmp_path / name).rename(tmp_path / f"moved_{name}").rename(tmp_path / name.title())
    info = list_pictures(tmp_path)
    assert (info.classes, info.train_per_class, info.test_per_class) == (("cat", "dog"), (6, 4), (2, 2))


@pytest.mark.parametrize("name", ["train", "Train"])
def test_a_class_may_be_called_train(name: str, tmp_path: Path) -> None:
    for folder in ("bus", name):
        save_class(tmp_path / folder, 3)
    save_class(tmp_path / name / "steam", 2)
    info = list_pictures(tmp_path)
    assert sorted(zip(info.classes, info.train_per_class, strict=True)) == sorted([("bus", 3), (name, 5)])
    assert not info.left_out


@pytest.mark.parametrize("beside", ["test", "val", "nothing"])
def test_loose_pictures_beside_classes_are_left_out_and_counted(beside: str, tmp_path: Path) -> None:
    pets(tmp_path)
    shutil.rmtree(tmp_path / "more")
    if beside == "nothing":
        shutil.rmtree(tmp_path / "test")
    else:
        (tmp_path / "test").rename(tmp_path / beside)
        save_picture(tmp_path / beside / "loose.png")
    for place in ("train", "."):
        save_picture(tmp_path / place / "overview.png")
    info = list_pictures(tmp_path)
    assert (info.classes, info.train_per_class) == (("cat", "dog"), (6, 4))
    assert info.num_test == (0 if beside == "nothing" else 4)
    found = [path.relative_to(tmp_path).as_posix() for path in info.left_out]
    assert found == ["overview.png", "train/overview.png", *([] if beside == "nothing" else [f"{beside}/loose.png"])]


def test_test_pictures_may_be_unlabelled_ones_beside_classes(tmp_path: Path) -> None:
    for name in ("cat", "dog", "test"):
        save_class(tmp_path / name, 3)
    info = list_pictures(tmp_path, tmp_path / "test")
    assert (info.classes, info.num_unlabelled) == (("cat", "dog"), 3)


def test_unlabelled_pictures_may_lie_among_the_classes(tmp_path: Path) -> None:
    pets(tmp_path)
    inside = tmp_path / "train" / "unknown"
    (tmp_path / "more").rename(inside)
    info = list_pictures(tmp_path, inside)
    assert (info.classes, info.num_unlabelled) == (("cat", "dog"), 5)
    deeper = tmp_path / "train" / "cat" / "unknown"
    inside.rename(deeper)
    info = list_pictures(tmp_path, deeper)
    assert (info.train_per_class, info.num_unlabelled) == ((6, 4), 5)


def test_pictures_are_in_the_order_of_their_names_and_may_lie_deep(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/x/1.jpeg", "a/z.png", "a/A.PNG"):
        save_picture(tmp_path / name)
    assert names(list_pictures(tmp_path)) == ["a/A.PNG", "a/z.png", "b/2.png", "b/x/1.jpeg"]


def test_what_is_no_picture_is_left_out_and_counted(tmp_path: Path) -> None:
    pets(tmp_path)
    for name in ("Thumbs.db", "notes.txt", ".DS_Store", "._000.png"):
        (tmp_path / "train" / "cat" / name).write_bytes(b"")
    (tmp_path / "train" / ".cache").mkdir()
    info = list_pictures(tmp_path)
    assert info.train_per_class == (6, 4)
    assert [path.name for path in info.left_out] == ["Thumbs.db", "notes.txt"]


def test_links_are_followed_and_never_in_circles(tmp_path: Path) -> None:
    pets(tmp_path / "pets")
    (tmp_path / "linked").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "linked" / name).symlink_to(tmp_path / "pets" / "train" / name)
    (tmp_path / "pets" / "train" / "cat" / "again").symlink_to(tmp_path / "pets" / "train" / "cat")
    assert list_pictures(tmp_path / "linked").train_per_class == (6, 4)


def test_only_some_classes_are_left_with_their_pictures(tmp_path: Path) -> None:
    pets(tmp_path)
    save_class(tmp_path / "train" / "hen", 3)
    info = list_pictures(tmp_path, tmp_path / "more").only(["hen", "cat"])
    assert (info.train_per_class, info.test_per_class, info.num_unlabelled) == ((3, 6), (0, 2), 5)
    assert names(info)[:4] == ["train/hen/000.png", "train/hen/001.png", "train/hen/002.png", "train/cat/000.png"]


def _nothing(root: Path) -> None:
    root.mkdir()


def _loose_pictures(root: Path) -> None:
    save_class(root, 3)


def _one_class(root: Path) -> None:
    save_class(root / "cat", 3)


def _empty_class(root: Path) -> None:
    pets(root)
    (root / "train" / "hen").mkdir()


def _unknown_test_class(root: Path) -> None:
    save_class(pets(root) / "test" / "hen", 1)


def _empty_test(root: Path) -> None:
    (pets(root, test=0) / "test" / "cat").mkdir(parents=True)


def _loose_test(root: Path) -> None:
    save_class(pets(root, test=0) / "test", 3)


def _test_beside_classes(root: Path) -> None:
    for name in ("cat", "dog", "Test"):
        save_class(root / name, 3)


def _val_beside_a_class_called_train(root: Path) -> None:
    for name in ("bus", "train", "val"):
        save_class(root / name, 3)


def _two_for_training(root: Path) -> None:
    save_class(pets(root) / "Train" / "cat", 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda root: None, "there is no such folder"),
        (_nothing, "no pictures in folders of classes; put them into {root}/<class>/, or {root}/train/<class>/ and "),
        (_loose_pictures, "no pictures in folders of classes; put them into {root}/<class>/"),
        (_one_class, "cat is the only class; there have to be 2 or more"),
        (_empty_class, "no pictures in {root}/train/hen; fill that folder or remove it"),
        (_unknown_test_class, "{root}/test/hen is a class without training pictures"),
        (_empty_test, "no pictures in {root}/test/<class>/; fill these folders or remove them"),
        (_loose_test, "no pictures in {root}/test/<class>/; fill these folders or remove them"),
        (
            _test_beside_classes,
            "{root}/Test would be a class; put pictures into {root}/train/<class>/ and {root}/Test/<class>/, or give "
            "it another name",
        ),
        (_val_beside_a_class_called_train, "{root}/val would be a class; put pictures into {root}/train/<class>/ and "),
        (_two_for_training, "{root}/Train and {root}/train are both there; remove one or rename it"),
    ],
)
def test_a_folder_that_cannot_be_learned_from_is_refused(
    make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    root = tmp_path / "mine"
    make(root)
    with pytest.raises(ConfigError) as error:
        list_pictures(root)
    assert str(error.value).startswith(f"dataset.folder={root}: {message.format(root=root)}")
    assert "\n" not in str(error.value)


def test_no_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pets(tmp_path))
    for words, message in ((("", None), "dataset.folder=: name a folder"), ((".", ""), "dataset.unlabelled=: name a ")):
        with pytest.raises(ConfigError, match=f"^{message}"):
            list_pictures(*words)


def test_a_message_stays_printable_and_on_one_line(tmp_path: Path) -> None:
    root = tmp_path / "my\npets"
    save_class(root / NOT_UTF_8, 3)
    (root / "dog").mkdir()
    with pytest.raises(ConfigError) as error:
        list_pictures(root)
    folder = f"{tmp_path}/my\\npets"
    assert str(error.value) == (f"dataset.folder={folder}: no pictures in {folder}/dog; fill that folder or remove it")


def test_a_class_with_a_name_that_is_not_utf_8_has_one_that_can_be_typed(tmp_path: Path) -> None:
    for name in (NOT_UTF_8, "dog"):
        save_class(tmp_path / name, 3)
    info = list_pictures(tmp_path)
    assert info.classes == (r"caf\xe9", "dog")
    assert info.only(["dog", r"caf\xe9"]).train_per_class == (3, 3)
    assert info.train[0][0].path.is_file()


def test_a_folder_of_unlabelled_pictures_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    root = pets(tmp_path / "mine")
    (tmp_path / "empty").mkdir()
    for folder, message in (
        ("none", "there is no such folder"),
        ("empty", "there are no pictures in it"),
        ("mine", "the labelled pictures lie in it, too; choose another folder"),
        (".", "the labelled pictures lie in it, too; choose another folder"),
        ("mine/train", "the labelled pictures lie in it, too; choose another folder"),
        ("mine/test", "the labelled pictures lie in it, too; choose another folder"),
    ):
        with pytest.raises(ConfigError) as error:
            list_pictures(root, tmp_path / folder)
        assert str(error.value) == f"dataset.unlabelled={tmp_path / folder}: {message}"
