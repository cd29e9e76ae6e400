"""Whether settings fit each other. Each is in its own range by now. No data are read for this, no torch is imported."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lwtrain import schedules
from lwtrain.backbones import plans
from lwtrain.config.effects import pick_batches
from lwtrain.config.schema import (
    AutoencoderConfig,
    BackpropConfig,
    BalancedConfig,
    CustomConfig,
    DatasetConfig,
    EncoderConfig,
    FrontConfig,
    LayerConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    ScheduleConfig,
    SGDConfig,
    TrainerConfig,
    WaveConfig,
)
from lwtrain.config.wording import shown
from lwtrain.data.catalog import dataset_info
from lwtrain.data.dataset_info import check_image_size
from lwtrain.data.label_count import num_kept, num_labelled
from lwtrain.data.presets import PRESET_NAMES
from lwtrain.registry import choices_hint


def find_mistakes(parts: Mapping[str, Any]) -> list[str]:
    """Apply every rule to the settings that its parameters name, and leave those out that lack one of them.

    Args:
        parts: Top-level settings and groups by name, without those that could not be read; and `multirun`, whether
            several runs are to start.
    """
    mistakes: dict[str, None] = {}
    sound = dict(parts)
    for rule in RULES:
        needed = inspect.signature(rule).parameters
        if needed.keys() <= sound.keys():
            try:
                rule(**{name: sound[name] for name in needed})
            except ValueError as error:
                mistakes[str(error)] = None
                sound.pop(str(error).split("=")[0].split(".")[0], None)  # one mistake is not reported twice
    return list(mistakes)


def _images_are_known(dataset: DatasetConfig) -> None:
    dataset_info(dataset.name)


def _augmentation_is_known(dataset: DatasetConfig) -> None:
    if dataset.augmentation not in PRESET_NAMES:
        hint = choices_hint(dataset.augmentation, list(PRESET_NAMES))
        raise ValueError(f"dataset.augmentation={dataset.augmentation}: {hint}")


def _images_can_be_resized(dataset: DatasetConfig) -> None:
    check_image_size(dataset_info(dataset.name), dataset.image_size, dataset.fit)


def _backbone_can_be_cut_into_layers(model: ModelConfig) -> None:
    plans.num_layers(model.name, model.layer_depth)


def _images_outlast_the_poolings(dataset: DatasetConfig, model: ModelConfig) -> None:
    plans.check_image_size(model.name, dataset.image_size or dataset_info(dataset.name).image_size)


def _labels_are_to_be_had(dataset: DatasetConfig, validation: float | str, labels: int | float | str) -> None:
    info = dataset_info(dataset.name)
    num_labelled(labels, num_kept(info.num_train, info.num_classes, validation), info.num_classes)


def _batch_is_no_larger_than_the_data(
    dataset: DatasetConfig,
    validation: float | str,
    labels: int | float | str,
    encoder: EncoderConfig,
    objective: ObjectiveConfig,
    schedule: ScheduleConfig,
    batches: str,
    batch_size: int,
) -> None:
    info = dataset_info(dataset.name)
    num_images = num_kept(info.num_train, info.num_classes, validation)
    count = num_labelled(labels, num_images, info.num_classes)
    mixture = pick_batches(labels, encoder, objective, schedule) if batches == "auto" else batches
    rows = {"labelled": count, "proportional": num_images, "half": 2 * max(count, num_images - count)}[mixture]
    rows = num_images if count == num_images else rows
    if batch_size > rows:
        raise ValueError(f"batch_size={batch_size}: there are {rows} images to train on; choose {rows} or less")


def _every_batch_has_a_label(
    dataset: DatasetConfig,
    validation: float | str,
    labels: int | float | str,
    batches: str,
    batch_size: int,
    micro_batch: int | None,
) -> None:
    info = dataset_info(dataset.name)
    num_images = num_kept(info.num_train, info.num_classes, validation)
    count = num_labelled(labels, num_images, info.num_classes)
    if batches == "proportional" and count < math.ceil(num_images / batch_size):
        raise ValueError(f"labels={labels}: too few to put one into each batch; choose batches=half")
    if batches == "proportional" and micro_batch is not None and count < math.ceil(num_images / micro_batch):
        raise ValueError(f"labels={labels}: too few to put one into each slice of micro_batch; choose batches=half")


def _decoder_suits_the_loss(encoder: EncoderConfig, objective: ObjectiveConfig) -> None:
    binary = isinstance(objective, BalancedConfig) and objective.reconstruction == "bce"
    if binary and isinstance(encoder, AutoencoderConfig) and encoder.output == "linear":
        raise ValueError("objective.reconstruction=bce: needs values in [0, 1]; choose encoder.output=auto or sigmoid")


def _every_layer_has_a_learning_rate(model: ModelConfig, optimizer: OptimizerConfig) -> None:
    num_layers = plans.num_layers(model.name, model.layer_depth) + 1
    if isinstance(optimizer.lr, list) and len(optimizer.lr) != num_layers:
        raise ValueError(
            f"optimizer.lr={shown(optimizer.lr)}: {len(optimizer.lr)} learning rates for {num_layers} layers; "
            "give one for each, the head's last"
        )


def _nesterov_has_momentum(optimizer: OptimizerConfig) -> None:
    if isinstance(optimizer, SGDConfig) and optimizer.nesterov and not optimizer.momentum:
        raise ValueError("optimizer.nesterov=true: needs optimizer.momentum above 0")


def _waves_share_the_epochs(schedule: ScheduleConfig) -> None:
    if isinstance(schedule, WaveConfig):
        next(schedules.wave(1, schedule.epochs, schedule.waves))


def _visits_name_layers_that_exist(model: ModelConfig, schedule: ScheduleConfig) -> None:
    if isinstance(schedule, CustomConfig):
        num_layers = plans.num_layers(model.name, model.layer_depth) + 1
        list(schedules.custom(num_layers, [asdict(visit) for visit in schedule.visits]))


def _layers_to_load_are_there(layer: LayerConfig) -> None:
    for path in layer.load or []:
        if not Path(path).exists():
            raise ValueError(f"layer.load={path}: there is no such file or folder")


def _loaded_layers_can_rest(layer: LayerConfig, schedule: ScheduleConfig) -> None:
    if layer.load and isinstance(schedule, BackpropConfig):
        remedy = "not with schedule=backprop, which would train them again; choose another schedule"
        raise ValueError(f"layer.load={shown(layer.load)}: {remedy}")


def _front_has_a_folder(front: FrontConfig) -> None:
    if front.folder is not None and not Path(front.folder).is_dir():
        raise ValueError(f"front.folder={front.folder}: there is no such folder")


def _data_dir_is_a_folder(data_dir: str) -> None:
    if Path(data_dir).exists() and not Path(data_dir).is_dir():
        raise ValueError(f"data_dir={data_dir}: this is a file; choose a folder")


def _time_is_a_time(trainer: TrainerConfig) -> None:
    if trainer.max_time is not None and not re.fullmatch(r"\d+:\d\d:\d\d:\d\d", trainer.max_time):
        raise ValueError(f"trainer.max_time={trainer.max_time}: write days:hours:minutes:seconds, such as 00:12:00:00")


def _one_process_in_a_multirun(trainer: TrainerConfig, multirun: bool) -> None:
    remedy = "not with -m: each run would start processes that begin the whole multirun anew. Start the runs one by one"
    if multirun and trainer.strategy != "auto":
        raise ValueError(f"trainer.strategy={trainer.strategy}: {remedy}")
    if multirun and trainer.num_nodes > 1:
        raise ValueError(f"trainer.num_nodes={trainer.num_nodes}: {remedy}")
    if multirun and trainer.num_devices != 1:
        raise ValueError(f"trainer.devices={trainer.devices}: {remedy}, or choose trainer.devices=1")


RULES: tuple[Callable[..., None], ...] = (
    _images_are_known,
    _augmentation_is_known,
    _images_can_be_resized,
    _backbone_can_be_cut_into_layers,
    _images_outlast_the_poolings,
    _labels_are_to_be_had,
    _batch_is_no_larger_than_the_data,
    _every_batch_has_a_label,
    _decoder_suits_the_loss,
    _every_layer_has_a_learning_rate,
    _nesterov_has_momentum,
    _waves_share_the_epochs,
    _visits_name_layers_that_exist,
    _layers_to_load_are_there,
    _loaded_layers_can_rest,
    _front_has_a_folder,
    _data_dir_is_a_folder,
    _time_is_a_time,
    _one_process_in_a_multirun,
)
