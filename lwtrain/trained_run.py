"""A run's network as it was trained, put together again from the run's folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from lwtrain.backbones.backbone import Shape
from lwtrain.checkpoints import load_checkpoint
from lwtrain.config.checking import check
from lwtrain.config.files import conf_dir, group_choices
from lwtrain.config.run_folders import SETTINGS, check_is_run
from lwtrain.config.schema import Config, ImageFolderConfig
from lwtrain.config.shipped_values import shipped_values
from lwtrain.data.dataset_info import DatasetInfo, Fit, described
from lwtrain.data.decoding import decode
from lwtrain.data.image_size import bring_to_size
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.errors import ConfigError, DataError, settings_at_fault
from lwtrain.from_config import assemble_network, build_data
from lwtrain.plain_files import read_plain
from lwtrain.stack import LayerStack
from lwtrain.stored_tensors import check_same_shapes, named_tensors


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network, and what is known of the images that it was trained on.

    Promise: the network is ready to be used: it rests, in eval mode, on the CPU.

    Attributes:
        folder: The run's.
        config: What it was made with.
        stack: The network.
        images: What is known of its data set, with the classes chosen.
        trained_on: The fingerprint of its data, labels and split; None where its checkpoint does not say.
    """

    folder: Path
    config: Config
    stack: LayerStack
    images: DatasetInfo
    trained_on: str | None

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by label."""
        return self.images.classes

    @property
    def input_shape(self) -> Shape:
        """Of the images that it reads: (channels, height, width)."""
        size = self.config.dataset.image_size or self.images.image_size
        return self.images.channels, size, size

    @property
    def reading(self) -> tuple[int, Fit, Fit]:
        """How pictures of the user's own are read: first to which size, how, and then how to the network's.

        Those that it learned from, of a folder, were brought to its size at once. Any other data set has a size of its
        own: pictures are cut to a square of that size, and then treated as the data set's images were.
        """
        dataset = self.config.dataset
        if isinstance(dataset, ImageFolderConfig):
            return self.input_shape[-1], dataset.fit, "scale"
        return self.images.image_size, "crop", dataset.fit

    def read_picture(self, file: Path) -> Tensor:
        """Read a picture file as those were read that the network learned from; see `reading`.

        Returns:
            (channels, height, width) uint8, of `input_shape`.

        Raises:
            UnreadablePictureError: If the file is missing or holds no picture.
        """
        channels, size, _ = self.input_shape
        first_size, first_fit, fit = self.reading
        pixels = torch.from_numpy(decode(file, channels, first_size, first_fit).copy())
        return bring_to_size(pixels[None], size, fit)[0]


@dataclass(frozen=True)
class TrainedRun(TrainedNetwork):
    """A trained network beside the images that it was trained on.

    Attributes:
        data: The images, split as they were.
    """

    data: SemiSupervisedDataModule


def load_network(folder: Path, *, checkpoint: Literal["last", "best"] = "last") -> TrainedNetwork:
    """Put the network of a run together again; its data need not be there any longer.

    Args:
        folder: The run's, with `checkpoints/` in it.
        checkpoint: "last": of the last epoch; "best": of the best vote.

    Raises:
        ConfigError: If the run was made with settings that this version of lwtrain does not know.
        DataError: If there is no run in the folder, or its checkpoint is damaged.
    """
    return _network(folder, _load_checkpoint(folder, checkpoint))


def load_run(folder: Path, *, checkpoint: Literal["last", "best"] = "last", data_dir: str | None = None) -> TrainedRun:
    """Put the network of a run together again, and read its data.

    Args:
        folder: The run's, with `checkpoints/` in it.
        checkpoint: "last": of the last epoch; "best": of the best vote.
        data_dir: Where the data set lies now; by default where it lay when the run was started.

    Raises:
        ConfigError: If the run was made with settings that this version of lwtrain does not know.
        DataError: If there is no run in the folder, its checkpoint is damaged, or its data are missing or others now.
    """
    network = load_network(folder, checkpoint=checkpoint)
    config = network.config if data_dir is None else replace(network.config, data_dir=data_dir)
    with settings_at_fault():
        data = build_data(config)
    if network.trained_on not in (None, data.fingerprint()):
        raise DataError(f"{folder}: its run had other training data, labels or validation images than are here now")
    return TrainedRun(folder, config, network.stack, network.images, network.trained_on, data)


def _network(folder: Path, stored: Mapping[str, Any]) -> TrainedNetwork:
    settings, known = stored.get("config"), stored.get("images")
    try:
        images = None if known is None else described(known)  # older checkpoints do not say
    except ValueError as error:
        raise DataError(f"{folder}: its checkpoint is damaged; {error}") from error
    settings = settings if isinstance(settings, Mapping) and settings else _read_settings(folder)
    config = _read_config(folder, settings, images)
    images = images or config.dataset.describe().only(config.dataset.classes)
    size = config.dataset.image_size or images.image_size
    with settings_at_fault():
        stack = assemble_network(config, (images.channels, size, size), images.num_classes)
    complaint = f"{folder}: a checkpoint of another network"
    tensors = named_tensors(stored["state_dict"], complaint)
    check_same_shapes(tensors, stack.state_dict(), complaint)
    stack.load_state_dict(tensors)
    of_data = stored.get(SemiSupervisedDataModule.__name__)  # so called by Lightning
    trained_on = of_data.get("fingerprint") if isinstance(of_data, Mapping) else None
    return TrainedNetwork(folder, config, stack.requires_grad_(False).eval(), images, trained_on)


def _load_checkpoint(folder: Path, name: str) -> dict[str, Any]:
    check_is_run(folder, name)
    try:
        return load_checkpoint(folder / "checkpoints" / f"{name}.ckpt")
    except DataError as error:
        raise DataError(str(error).removeprefix("ckpt_path=")) from error


def _read_settings(folder: Path) -> Mapping[str, Any]:
    """Read what the run left beside its checkpoints, where these do not hold it."""
    try:
        settings = read_plain(folder / SETTINGS)
    except (OSError, ValueError) as error:
        raise DataError(f"{folder}: {SETTINGS} is missing or damaged; the network cannot be put together") from error
    if not isinstance(settings, Mapping):
        raise DataError(f"{folder}: {SETTINGS} is damaged; the network cannot be put together")
    return settings


def _read_config(folder: Path, settings: Mapping[str, Any], images: DatasetInfo | None) -> Config:
    settings = shipped_values(conf_dir(), "train") | {str(name): value for name, value in settings.items()}
    values = {name: _with_defaults(name, value) for name, value in settings.items()}
    values["ckpt_path"] = None  # what the run began with need not be there any longer
    for group, setting, left in (
        ("layer", "load", None),
        ("front", "folder", None),
        ("pseudo_labels", "teacher", "none"),
    ):
        given = values.get(group)
        values[group] = {**(given if isinstance(given, Mapping) else {}), setting: left}
    choices = group_choices()
    for group, value in values.items():  # the user may have had YAML files of their own
        if isinstance(value, Mapping) and "name" in value and group in choices:
            choices[group] = [*choices[group], value["name"]]
    mistakes: list[str] = []
    config = check(values, choices, mistakes, images=images)
    if config is None:
        raise ConfigError("\n".join([f"{folder}: its settings do not fit this version of lwtrain", *mistakes]))
    return config


def _with_defaults(group: str, value: Any) -> Any:
    """Add the settings that a group has got since the run was made."""
    if not isinstance(value, Mapping):
        return value
    return {**shipped_values(conf_dir() / group, value.get("name", "default")), **value}
