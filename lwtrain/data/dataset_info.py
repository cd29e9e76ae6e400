"""What is known of a data set before it is read: its classes, and how many images of which size. No torch in here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self

from lwtrain.errors import ConfigError
from lwtrain.registry import choices_hint

Fit = Literal["crop", "pad", "scale"]


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What every data set tells of itself.

    Attributes:
        fits: How its images can be brought to another size.
    """

    fits: ClassVar[tuple[Fit, ...]] = ("pad", "scale")

    name: str  # as in dataset=name
    title: str  # as its publisher writes it
    classes: tuple[str, ...]
    channels: int
    image_size: int  # height and width
    train_per_class: tuple[int, ...]  # images of each class
    test_per_class: tuple[int, ...]  # the same; all 0 where there are no test images
    num_unlabelled: int = 0  # training images besides, of no known class

    @property
    def num_classes(self) -> int:
        """How many classes there are."""
        return len(self.classes)

    @property
    def num_train(self) -> int:
        """How many training images have a label."""
        return sum(self.train_per_class)

    @property
    def num_test(self) -> int:
        """How many test images there are."""
        return sum(self.test_per_class)

    @property
    def in_data_dir(self) -> bool:
        """Whether its files are looked for in data_dir."""
        return False

    def only(self, classes: Sequence[str] | None) -> Self:
        """Describe some of the classes, in the order given; None: all of them.

        Raises:
            ConfigError: If there is no such class, one is named twice, or they are fewer than two.

        Example:
            >>> from lwtrain.data.catalog import dataset_info
            >>> two = dataset_info("cifar10").only(["bird", "airplane"])
            >>> two.classes, two.num_train, two.num_test
            (('bird', 'airplane'), 10000, 2000)
        """
        return self if classes is None else replace(self, **self._picked(self.class_numbers(classes)))

    def plain(self) -> dict[str, Any]:
        """Write down what any data set tells of itself, for `described`; which files it lies in is left out."""
        return {field.name: _as_list(getattr(self, field.name)) for field in fields(DatasetInfo)}

    def class_numbers(self, classes: Sequence[str]) -> list[int]:
        """Look classes up by name; see `only`."""
        for place, name in enumerate(classes):
            if name not in self.classes:
                raise ConfigError(f"dataset.classes[{place}]={name}: {choices_hint(name, list(self.classes))}")
            if name in classes[:place]:
                raise ConfigError(f"dataset.classes[{place}]={name}: named before; choose each class once")
        if len(classes) < 2:
            raise ConfigError(f"dataset.classes=[{','.join(classes)}]: choose 2 or more, to be told apart")
        return [self.classes.index(name) for name in classes]

    def _picked(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Give what changes where only some classes are left."""
        names = ("classes", "train_per_class", "test_per_class")
        return {name: tuple(getattr(self, name)[number] for number in numbers) for name in names}


def described(plain: Any) -> DatasetInfo:
    """Read what `DatasetInfo.plain` wrote.

    Raises:
        ValueError: If it is anything else.

    Example:
        >>> from lwtrain.data.catalog import dataset_info
        >>> described(dataset_info("cifar10").plain()).num_train
        50000
    """
    kinds = {field.name: field.type for field in fields(DatasetInfo)}
    if not isinstance(plain, Mapping) or plain.keys() != kinds.keys():
        raise ValueError("no description of a data set")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    for name, kind in kinds.items():
        members = values[name] if isinstance(values[name], tuple) else (values[name],)
        wanted = str if "str" in str(kind) else int
        if isinstance(values[name], tuple) != ("tuple" in str(kind)) or not all(type(one) is wanted for one in members):
            raise ValueError(f"no description of a data set: {name}")
    info = DatasetInfo(**values)
    if not len(info.classes) == len(info.train_per_class) == len(info.test_per_class):
        raise ValueError("no description of a data set: counts of other classes")
    return info


def _as_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def equally_many(num_images: int, num_classes: int) -> tuple[int, ...]:
    """Share images out to classes: to each as many, or one more.

    Example:
        >>> equally_many(10, 4)
        (3, 3, 2, 2)
    """
    each, left = divmod(num_images, num_classes)
    return (each + 1,) * left + (each,) * (num_classes - left)


def check_image_size(info: DatasetInfo, image_size: int | None, fit: str) -> None:
    """Find out, before anything is read, whether the images can be brought to this size.

    Raises:
        ConfigError: If `fit` is not a choice, or the size is below 2, or below the images' own where they are padded.
    """
    if fit not in info.fits:
        raise ConfigError(f"dataset.fit={fit}: {choices_hint(fit, list(info.fits))}")
    if image_size is None:
        return
    if image_size < 2:  # a single pixel is no picture, and torch 2.13 fails to scale coloured bytes to one
        raise ConfigError(f"dataset.image_size={image_size}: choose 2 or more")
    if fit == "pad" and image_size < info.image_size:
        raise ConfigError(
            f"dataset.image_size={image_size}: padding cannot shrink images of {info.image_size}x{info.image_size}, "
            f"choose {info.image_size} or more, or dataset.fit=scale"
        )
