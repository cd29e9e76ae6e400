"""Whether there are the images, labels and batches that are asked for."""

import math
from collections.abc import Callable
from typing import Literal

from lwtrain.config.learned_from import pick_batches
from lwtrain.config.schema import (
    AnyDatasetConfig,
    EncoderConfig,
    ModelConfig,
    ObjectiveConfig,
    PseudoLabelsConfig,
    ScheduleConfig,
)
from lwtrain.data.dataset_info import DatasetInfo, check_image_size
from lwtrain.data.label_count import kept_per_class, num_labelled
from lwtrain.data.presets import PRESET_NAMES, PRESETS
from lwtrain.data.row_count import Batches, row_counts, too_few_labels
from lwtrain.registry import choices_hint


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
    pseudo_labels: PseudoLabelsConfig,
    batches: Batches | Literal["auto"],
    batch_size: int,
) -> None:
    count, num_images = _num_labelled_of_all(images, validation, labels)
    if batches == "auto":
        batches = pick_batches(images, labels, encoder, objective, schedule, pseudo_labels)
    rows = sum(row_counts(count, num_images - count, batches))
    if batch_size > rows:
        raise ValueError(f"batch_size={batch_size}: there are {rows} images to train on; choose {rows} or less")


def _every_batch_has_a_label(
    images: DatasetInfo,
    validation: float | str,
    labels: int | float | str,
    batches: Batches | Literal["auto"],
    batch_size: int,
    micro_batch: int | None,
) -> None:
    if batches == "auto":
        return
    count, num_images = _num_labelled_of_all(images, validation, labels)
    labelled, unlabelled = row_counts(count, num_images - count, batches)
    for size, part in ((batch_size, "batch"), (micro_batch, "slice of micro_batch")):
        if size is not None and labelled < math.ceil((labelled + unlabelled) / size):
            raise too_few_labels(labels, batches, part)


def _num_labelled_of_all(images: DatasetInfo, validation: float | str, labels: int | float | str) -> tuple[int, int]:
    """Count the labelled training images, and all training images."""
    kept = kept_per_class(images.train_per_class, validation)
    return num_labelled(labels, kept), sum(kept) + images.num_unlabelled


RULES: tuple[Callable[..., None], ...] = (
    _augmentation_is_known,
    _colours_can_change,
    _images_can_be_resized,
    _there_are_images_to_validate_on,
    _images_are_large_enough,
    _labels_are_to_be_had,
    _batch_is_no_larger_than_the_data,
    _every_batch_has_a_label,
)
