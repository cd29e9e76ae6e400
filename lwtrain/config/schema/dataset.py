"""Settings of the images, and what is known of the images by them before anything is read."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

from lwtrain.config.ranges import Count, Range
from lwtrain.data.catalog import dataset_info
from lwtrain.data.dataset_info import DatasetInfo, Fit
from lwtrain.data.fake import fake_set
from lwtrain.data.picture_folder import list_pictures


@dataclass(frozen=True)
class DatasetConfig(ABC):
    """What every data set takes.

    Attributes:
        classes: The classes to learn, in the order of their labels; None: all there are.
    """

    name: str
    image_size: Count | None
    classes: list[str] | None
    augmentation: str
    flip: bool

    def describe(self) -> DatasetInfo:
        """Tell what there is to read, all classes included; of a folder what was in it when it was first asked for.

        Raises:
            ConfigError: If there is no such data set.
        """
        return self._description

    @cached_property  # a folder may hold very many pictures and be far away
    def _description(self) -> DatasetInfo:
        return self._describe()

    @abstractmethod
    def _describe(self) -> DatasetInfo:
        """Find out what there is to read."""


@dataclass(frozen=True)
class PublishedConfig(DatasetConfig):
    """A data set that somebody published, by its name in the catalog."""

    fit: Literal["pad", "scale"]

    def _describe(self) -> DatasetInfo:
        """Look it up."""
        return dataset_info(self.name)


@dataclass(frozen=True)
class FakeConfig(DatasetConfig):
    """Random images."""

    name: Literal["fake"]
    image_size: Count
    num_images: Count
    num_classes: Annotated[int, Range(at_least=2)]
    channels: Count

    @property
    def fit(self) -> Fit:
        """How they come to their size: they are made in it."""
        return "scale"

    def _describe(self) -> DatasetInfo:
        """Say how many there are going to be."""
        return fake_set(self.num_images, self.num_classes, self.channels, self.image_size)


@dataclass(frozen=True)
class ImageFolderConfig(DatasetConfig):
    """A user's own pictures."""

    name: Literal["image_folder"]
    folder: str
    unlabelled: str | None
    image_size: Count
    fit: Fit
    channels: Literal[1, 3]

    def _describe(self) -> DatasetInfo:
        """List them."""
        return list_pictures(self.folder, self.unlabelled, channels=self.channels, image_size=self.image_size)


AnyDatasetConfig = PublishedConfig | FakeConfig | ImageFolderConfig
