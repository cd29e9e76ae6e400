"""A user's own pictures, labelled by the folders they lie in: found and counted, not opened. No torch in here."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from lwtrain.data.dataset_info import DatasetInfo, Fit
from lwtrain.errors import ConfigError
from lwtrain.printable import printable
from lwtrain.registry import choices_hint

SUFFIXES = (
    *(".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"),
    *(".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)  # in small letters
_TRAIN, _TEST = "train", ("test", "val")  # in any case; of those to test on the first choice first
_FEW = 10  # classes that a line names


class PictureFile(NamedTuple):
    """A picture, by its place below a folder that may be moved."""

    root: Path
    name: str

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.root / self.name


@dataclass(frozen=True, kw_only=True)
class FolderSet(DatasetInfo):
    """Pictures in folders."""

    fits: ClassVar[tuple[Fit, ...]] = ("crop", "pad", "scale")

    train: tuple[tuple[PictureFile, ...], ...] = field(repr=False)  # of each class
    test: tuple[tuple[PictureFile, ...], ...] = field(repr=False)
    unlabelled: tuple[PictureFile, ...] = field(repr=False)
    left_out: tuple[Path, ...] = field(repr=False)  # no pictures by their names, or beside the folders of classes

    @property
    def summary(self) -> str:
        """Say in a line what there is, so that a folder that was read in another way than meant is noticed."""
        more = [f"and {self.num_classes - _FEW} more"] if self.num_classes > _FEW else []
        counts = f"{self.num_train:,} pictures of {self.num_classes} classes"
        others = f"{self.num_test or 'none'} to test on; {self.num_unlabelled or 'none'} unlabelled"
        return f"{counts}: {', '.join([*self.classes[:_FEW], *more])}; {others}"

    def _picked(self, numbers: Sequence[int]) -> dict[str, Any]:
        files = {name: tuple(getattr(self, name)[number] for number in numbers) for name in ("train", "test")}
        return super()._picked(numbers) | files


def list_pictures(
    folder: str | Path, unlabelled: str | Path | None = None, *, channels: int = 3, image_size: int = 64
) -> FolderSet:
    """Find the pictures of a folder.

    Args:
        folder: With a folder for each class: `folder/train/<class>/` and `folder/test/<class>/` (or `folder/val/`), or
            `folder/<class>/` alone, and nothing to test on. Pictures may lie deeper in a class's folder; those beside
            the folders of classes are left out.
        unlabelled: A folder with pictures of any class, at any depth. It may be one of those in `folder`.
        channels: 3 makes all pictures coloured, 1 grey.
        image_size: Height and width to bring them to.

    Raises:
        ConfigError: If a folder is missing or empty, there are not at least two classes, or pictures to test on would
            be taken for a class.
    """
    root = _existing("folder", folder)
    apart = None if unlabelled is None else _existing("unlabelled", unlabelled)
    train_folder, test_folder = _parts(root, apart)
    labelled = [folder for folder in (train_folder, test_folder) if folder is not None]
    if apart is not None:
        _check_apart(apart, labelled)
    classes = _subfolders(train_folder, but=apart)
    found = _Found()
    found.left_out += [path for folder in dict.fromkeys([root, *labelled]) for path in _loose_pictures(folder)]
    train = tuple(found.files(root, train_folder / name, but=apart) for name in classes)
    _check_classes(root, train_folder, classes, train)
    test = tuple(() if test_folder is None else found.files(root, test_folder / name, but=apart) for name in classes)
    if test_folder is not None:
        _check_test(root, test_folder, classes, test)
    others = () if apart is None else found.files(apart, apart)
    if apart is not None and not others:
        raise _mistake("unlabelled", unlabelled, "there are no pictures in it")
    return FolderSet(
        name="image_folder",
        title=printable(root),
        classes=tuple(map(printable, classes)),
        channels=channels,
        image_size=image_size,
        train_per_class=tuple(map(len, train)),
        test_per_class=tuple(map(len, test)),
        num_unlabelled=len(others),
        train=train,
        test=test,
        unlabelled=others,
        left_out=tuple(found.left_out),
    )


def list_labelled(folder: Path, classes: Sequence[str]) -> tuple[tuple[PictureFile, ...], ...]:
    """Find the pictures of known classes, in folders that bear their names.

    Args:
        folder: Holds `folder/<class>/`, for some of the classes or all of them.
        classes: By label.

    Returns:
        The pictures of each class, by label; none of those that have no folder.

    Raises:
        ConfigError: If the folder is missing, a folder in it bears another name, or there are no pictures.
    """
    if not folder.is_dir():
        raise ConfigError(printable(f"--images {folder}: there is no such folder"))
    found, named = _Found(), {printable(name): name for name in _subfolders(folder)}
    for name in named:
        if name not in classes:
            raise ConfigError(printable(f"--images {folder}: {name} is no class; {choices_hint(name, list(classes))}"))
    pictures = tuple(found.files(folder, folder / named[name]) if name in named else () for name in classes)
    if not any(pictures):
        raise ConfigError(printable(f"--images {folder}: no pictures; put them into {folder}/<class>/"))
    return pictures


def list_every(path: Path) -> tuple[Path, ...]:
    """Give a picture file as it is named, or all pictures at any depth of a folder, by their names.

    Raises:
        ConfigError: If there is nothing of that name, or no picture in the folder.
    """
    if not path.is_dir():
        if not path.is_file():
            raise ConfigError(printable(f"{path}: there is no such file or folder"))
        return (path,)
    found = tuple(path / file.name for file in _Found().files(path, path))
    if not found:
        raise ConfigError(printable(f"{path}: there are no pictures in it"))
    return found


class _Found:
    """Gathers pictures, and what is none."""

    def __init__(self) -> None:
        self.left_out: list[Path] = []

    def files(self, root: Path, folder: Path, but: Path | None = None) -> tuple[PictureFile, ...]:
        """List the pictures below `folder`, in the order of their names; below `but` there are none."""
        pictures = []
        for path in sorted(_walk(folder, but)):
            if path.suffix.lower() in SUFFIXES:
                pictures.append(PictureFile(root, path.relative_to(root).as_posix()))
            else:
                self.left_out.append(path)
        return tuple(pictures)


def _walk(folder: Path, but: Path | None) -> Iterator[Path]:
    """Go through all files that are not hidden; links are followed, each folder is entered once."""
    entered = {None if but is None else but.resolve()}
    for place, folders, names in os.walk(folder, followlinks=True):
        resolved = Path(place).resolve()
        if resolved in entered:
            folders.clear()
            continue
        entered.add(resolved)
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _existing(setting: str, folder: str | Path) -> Path:
    if not str(folder):  # would be the current folder, which hardly anyone means by nothing
        raise _mistake(setting, folder, "name a folder")
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise _mistake(setting, folder, "there is no such folder")
    try:
        next(path.iterdir(), None)
    except OSError as error:
        raise _mistake(setting, folder, f"cannot be read ({error.strerror})") from error
    return path


def _check_apart(unlabelled: Path, labelled: Sequence[Path]) -> None:
    """Make sure that no picture is both labelled and unlabelled."""
    if any(folder.resolve().is_relative_to(unlabelled.resolve()) for folder in labelled):
        raise _mistake("unlabelled", unlabelled, "the labelled pictures lie in it, too; choose another folder")


def _subfolders(folder: Path, but: Path | None = None) -> list[str]:
    folders = (path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return sorted(path.name for path in folders if but is None or path.resolve() != but.resolve())


def _loose_pictures(folder: Path) -> list[Path]:
    paths = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in paths if path.is_file())


def _parts(root: Path, apart: Path | None) -> tuple[Path, Path | None]:
    """Tell in which folder the classes lie, and in which those to test on.

    A folder called train is a class itself if pictures lie in it and other classes beside it.
    """
    train, tests = _called(_TRAIN, root), [folder for name in _TEST if (folder := _called(name, root))]
    if train is not None and _subfolders(train, but=apart):
        classes_beside = {root / name for name in _subfolders(root, but=apart)} - {train}
        if tests or not classes_beside or not _loose_pictures(train):
            return train, next(iter(tests), None)
    for test in tests:
        if test.name in _subfolders(root, but=apart):
            wanted = f"put pictures into {root}/train/<class>/ and {test}/<class>/, or give it another name"
            raise _mistake("folder", root, f"{test} would be a class; {wanted}")
    return root, None


def _called(name: str, root: Path) -> Path | None:
    """Find the folder of a name, in small letters or capitals."""
    found = [root / folder for folder in _subfolders(root) if folder.lower() == name]
    if len(found) > 1:
        raise _mistake("folder", root, f"{found[0]} and {found[1]} are both there; remove one or rename it")
    return found[0] if found else None


def _check_classes(root: Path, folder: Path, classes: Sequence[str], pictures: Sequence[Sequence[PictureFile]]) -> None:
    if not any(pictures):
        wanted = f"put them into {root}/<class>/, or {root}/train/<class>/ and {root}/test/<class>/"
        raise _mistake("folder", root, f"no pictures in folders of classes; {wanted}")
    for name, files in zip(classes, pictures, strict=True):
        if not files:
            raise _mistake("folder", root, f"no pictures in {folder / name}; fill that folder or remove it")
    if len(classes) < 2:
        raise _mistake("folder", root, f"{classes[0]} is the only class; there have to be 2 or more")


def _check_test(root: Path, folder: Path, classes: Sequence[str], pictures: Sequence[Sequence[PictureFile]]) -> None:
    if unknown := [name for name in _subfolders(folder) if name not in classes]:
        raise _mistake("folder", root, f"{folder / unknown[0]} is a class without training pictures")
    if not any(pictures):
        raise _mistake("folder", root, f"no pictures in {folder}/<class>/; fill these folders or remove them")


def _mistake(setting: str, folder: object, flaw: str) -> ConfigError:
    return ConfigError(printable(f"dataset.{setting}={folder}: {flaw}"))
