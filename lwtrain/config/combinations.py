"""Whether settings fit each other. Each is in its own range by now. No data are read for this, no torch is imported."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lwtrain import schedules
from lwtrain.config.effects import pick_batches
from lwtrain.config.schema import (
    AnyDatasetConfig,
    AutoencoderConfig,
    BackpropConfig,
    BalancedConfig,
    CallbacksConfig,
    CustomConfig,
    EncoderConfig,
    FrontConfig,
    HSICConfig,
    LayerConfig,
    MapConfig,
    MirrorConfig,
    MLPConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimizerConfig,
    ReconstructionConfig,
    ScheduleConfig,
    SGDConfig,
    TrainerConfig,
    WaveConfig,
)
from lwtrain.config.wording import shown
from lwtrain.data.dataset_info import DatasetInfo, check_image_size
from lwtrain.data.label_count import kept_per_class, num_labelled
from lwtrain.data.presets import PRESET_NAMES, PRESETS
from lwtrain.registry import choices_hint


def find_mistakes(parts: Mapping[str, Any]) -> list[str]:
    """Apply every rule to the settings that its parameters name, and leave those out that lack one of them.

    What the rules call `images` is what is known of the data set, with the classes chosen.

    Args:
        parts: Top-level settings and groups by name, without those that could not be read; and `multirun`, whether
            several runs are to start.
    """
    mistakes: dict[str, None] = {}
    sound = dict(parts)
    if "dataset" in sound:
        try:
            sound["images"] = sound["dataset"].describe().only(sound["dataset"].classes)
        except ValueError as error:
            mistakes[str(error)] = None
            del sound["dataset"]
    for rule in RULES:
        needed = inspect.signature(rule).parameters
        if needed.keys() <= sound.keys():
            try:
                rule(**{name: sound[name] for name in needed})
            except ValueError as error:
                mistakes[str(error)] = None
                sound.pop(str(error).split("=")[0].split(".")[0], None)  # one mistake is not reported twice
    return list(mistakes)


def _augmentation_is_known(dataset: AnyDatasetConfig) -> None:
    if dataset.augmentation not in PRESET_NAMES:
        hint = choices_hint(dataset.augmentation, list(PRESET_NAMES))
        raise ValueError(f"dataset.augmentation={dataset.augmentation}: {hint}")


def _colours_can_change(dataset: AnyDatasetConfig, images: DatasetInfo) -> None:
    ranges = PRESETS[dataset.augmentation]
    if images.channels not in (1, 3) and (ranges.jitter or ranges.hue):
        remedy = "choose none, light or one of med_10 to med_30"
        raise ValueError(
            f"dataset.augmentation={dataset.augmentation}: colours can change in images of 1 or 3 channels, "
            f"not {images.channels}; {remedy}"
        )


def _images_can_be_resized(dataset: AnyDatasetConfig, images: DatasetInfo) -> None:
    check_image_size(images, dataset.image_size, dataset.fit)


def _there_are_images_to_validate_on(images: DatasetInfo, validation: float | str) -> None:
    if validation == "test" and not images.num_test:
        raise ValueError("validation=test: there are no test images; choose a share of the training images")


def _backbone_can_be_cut_into_layers(model: ModelConfig) -> None:
    _ = model.num_layers


def _map_suits_the_backbone(model: ModelConfig, map: MapConfig) -> None:
    if map.name not in ("auto", *model.maps):
        raise ValueError(f"map={map.name}: {choices_hint(map.name, ['auto', *model.maps])} (for model={model.name})")


def _images_are_large_enough(dataset: AnyDatasetConfig, images: DatasetInfo, model: ModelConfig) -> None:
    model.check_image_size(dataset.image_size or images.image_size)


def _labels_are_to_be_had(images: DatasetInfo, validation: float | str, labels: int | float | str) -> None:
    num_labelled(labels, kept_per_class(images.train_per_class, validation), images.classes)


def _batch_is_no_larger_than_the_data(
    images: DatasetInfo,
    validation: float | str,
    labels: int | float | str,
    encoder: EncoderConfig,
    objective: ObjectiveConfig,
    schedule: ScheduleConfig,
    batches: str,
    batch_size: int,
) -> None:
    count, num_images = _num_labelled_of_all(images, validation, labels)
    mixture = pick_batches(images, labels, encoder, objective, schedule) if batches == "auto" else batches
    rows = {"labelled": count, "proportional": num_images, "half": 2 * max(count, num_images - count)}[mixture]
    rows = num_images if count == num_images else rows
    if batch_size > rows:
        raise ValueError(f"batch_size={batch_size}: there are {rows} images to train on; choose {rows} or less")


def _every_batch_has_a_label(
    images: DatasetInfo,
    validation: float | str,
    labels: int | float | str,
    batches: str,
    batch_size: int,
    micro_batch: int | None,
) -> None:
    count, num_images = _num_labelled_of_all(images, validation, labels)
    if batches == "proportional" and count < math.ceil(num_images / batch_size):
        raise ValueError(f"labels={labels}: too few to put one into each batch; choose batches=half")
    if batches == "proportional" and micro_batch is not None and count < math.ceil(num_images / micro_batch):
        raise ValueError(f"labels={labels}: too few to put one into each slice of micro_batch; choose batches=half")


def _num_labelled_of_all(images: DatasetInfo, validation: float | str, labels: int | float | str) -> tuple[int, int]:
    """Count the labelled training images, and all training images."""
    kept = kept_per_class(images.train_per_class, validation)
    return num_labelled(labels, kept), sum(kept) + images.num_unlabelled


def _rows_that_are_compared_stay_together(
    objective: ObjectiveConfig, schedule: ScheduleConfig, batch_size: int, micro_batch: int | None
) -> None:
    compared = objective.compares_rows and not isinstance(schedule, BackpropConfig)
    if compared and micro_batch is not None and micro_batch < batch_size:
        reason = f"objective={objective.name} compares the rows of a batch, which slices would keep apart"
        raise ValueError(f"micro_batch={micro_batch}: {reason}; choose null, or a smaller batch_size")


def _decoder_suits_the_loss(encoder: EncoderConfig, objective: ObjectiveConfig) -> None:
    binary = isinstance(objective, (BalancedConfig, ReconstructionConfig)) and objective.reconstruction == "bce"
    if binary and getattr(encoder, "output", "auto") == "linear":
        raise ValueError("objective.reconstruction=bce: needs values in [0, 1]; choose encoder.output=auto or sigmoid")


def _decoder_map_has_a_beginning(map: MapConfig, encoder: EncoderConfig) -> None:
    if map.name == "decoder" and not (isinstance(encoder, AutoencoderConfig) and encoder.kernel_size == 3):
        remedy = "choose encoder=a, b or c with encoder.kernel_size=3"
        raise ValueError(f"map=decoder: begins as the last convolution, of 3x3, of the decoder below; {remedy}")


def _mirror_gives_what_the_layers_give(model: ModelConfig, encoder: EncoderConfig) -> None:
    activation = getattr(model, "activation", "relu")
    if isinstance(encoder, MirrorConfig) and encoder.activation == "relu" and activation != "relu":
        reason = f"gives no number below 0, as model.activation={activation} does"
        raise ValueError(f"encoder.activation=relu: {reason}; choose none")


def _reconstruction_has_a_decoder(encoder: EncoderConfig, objective: ObjectiveConfig) -> None:
    if isinstance(objective, ReconstructionConfig) and not encoder.rebuilds:
        choices = "choose encoder=mirror, strided, dense, a, b or c"
        raise ValueError(f"objective=reconstruction: encoder={encoder.name} has no decoder; {choices}")


def _whole_autoencoder_has_a_way_back(
    model: ModelConfig, map: MapConfig, encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig
) -> None:
    if not (isinstance(schedule, BackpropConfig) and isinstance(objective, ReconstructionConfig)):
        return
    if not encoder.inverts:
        reason = "schedule=backprop rebuilds images from what the layers themselves give"
        raise ValueError(f"encoder={encoder.name}: {reason}; choose encoder=mirror")
    name = model.maps[0] if map.name == "auto" else map.name
    if name != "none":
        reason = "nothing leads back through a map, as schedule=backprop needs it with objective=reconstruction"
        raise ValueError(f"map={name}: {reason}; choose a model without maps, such as conv_autoencoder")


def _every_layer_has_a_learning_rate(model: ModelConfig, optimizer: OptimizerConfig) -> None:
    num_layers = model.num_layers + 1
    if isinstance(optimizer.lr, list) and len(optimizer.lr) != num_layers:
        raise ValueError(
            f"optimizer.lr={shown(optimizer.lr)}: {len(optimizer.lr)} learning rates for {num_layers} layers; "
            "give one for each, the head's last"
        )


def _every_layer_has_a_coefficient(model: ModelConfig, objective: ObjectiveConfig) -> None:
    if isinstance(objective, HSICConfig) and isinstance(objective.coefficient, list):
        given, num_layers = len(objective.coefficient), model.num_layers
        if given != num_layers:
            raise ValueError(
                f"objective.coefficient={shown(objective.coefficient)}: {given} coefficients for {num_layers} layers; "
                "give one for each, none for the head"
            )


def _every_branch_has_a_sigma(model: ModelConfig, objective: ObjectiveConfig) -> None:
    branches = getattr(model, "branches", 1)
    if isinstance(objective, HSICConfig) and isinstance(objective.sigma, list):
        given, setting = len(objective.sigma), f"objective.sigma={shown(objective.sigma)}"
        if not given:
            raise ValueError(f"{setting}: choose a number above 0, or one for each branch")
        if branches != 1 and given != branches:
            raise ValueError(
                f"{setting}: {given} widths for model.branches={branches}; give one for each, or a single one"
            )
        if isinstance(model, MLPConfig) and any(units * branches % given for units in model.hidden):
            reason = f"{given} branches cannot share the units of each layer, model.hidden={shown(model.hidden)}"
            raise ValueError(f"{setting}: {reason}; choose multiples of {given}")


def _every_estimator_measures_once(callbacks: CallbacksConfig) -> None:
    if plane := callbacks.information_plane:
        setting = f"callbacks.information_plane.estimators={shown(plane.estimators)}"
        if not plane.estimators:
            raise ValueError(f"{setting}: choose at least one")
        if len(set(plane.estimators)) < len(plane.estimators):
            raise ValueError(f"{setting}: choose each one once")


def _nesterov_has_momentum(optimizer: OptimizerConfig) -> None:
    if isinstance(optimizer, SGDConfig) and optimizer.nesterov and not optimizer.momentum:
        raise ValueError("optimizer.nesterov=true: needs optimizer.momentum above 0")


def _waves_share_the_epochs(schedule: ScheduleConfig) -> None:
    if isinstance(schedule, WaveConfig):
        next(schedules.wave(1, schedule.epochs, schedule.waves))


def _visits_name_layers_that_exist(model: ModelConfig, schedule: ScheduleConfig) -> None:
    if isinstance(schedule, CustomConfig):
        num_layers = model.num_layers + 1
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
    _augmentation_is_known,
    _colours_can_change,
    _images_can_be_resized,
    _there_are_images_to_validate_on,
    _backbone_can_be_cut_into_layers,
    _map_suits_the_backbone,
    _images_are_large_enough,
    _labels_are_to_be_had,
    _batch_is_no_larger_than_the_data,
    _every_batch_has_a_label,
    _rows_that_are_compared_stay_together,
    _decoder_suits_the_loss,
    _decoder_map_has_a_beginning,
    _mirror_gives_what_the_layers_give,
    _reconstruction_has_a_decoder,
    _whole_autoencoder_has_a_way_back,
    _every_layer_has_a_learning_rate,
    _every_layer_has_a_coefficient,
    _every_branch_has_a_sigma,
    _every_estimator_measures_once,
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
