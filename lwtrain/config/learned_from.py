"""What layers learn from: whether anything is rebuilt, whether unlabelled images teach, and so what a batch holds."""

from typing import Literal

from lwtrain.config.schema import (
    BackpropConfig,
    BalancedConfig,
    EncoderConfig,
    InfoProLossConfig,
    ObjectiveConfig,
    PseudoLabelsConfig,
    ReconstructionConfig,
    ScheduleConfig,
)
from lwtrain.data.dataset_info import DatasetInfo


def pick_batches(
    images: DatasetInfo,
    labels: int | float | str,
    encoder: EncoderConfig,
    objective: ObjectiveConfig,
    schedule: ScheduleConfig,
    pseudo_labels: PseudoLabelsConfig,
) -> Literal["half", "labelled"]:
    """Resolve `batches=auto`: half of a batch is unlabelled, where such images exist and something learns from them."""
    if all_are_labelled(images, labels) or why_unlabelled_images_are_idle(encoder, objective, schedule, pseudo_labels):
        return "labelled"
    return "half"


def all_are_labelled(images: DatasetInfo, labels: int | float | str) -> bool:
    """Whether no training image is left without a label."""
    return labels == "all" and not images.num_unlabelled


def why_nothing_can_rebuild(encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig) -> str | None:
    """Name the setting by which no layer has a decoder; None if they have."""
    if isinstance(schedule, BackpropConfig) and not isinstance(objective, ReconstructionConfig):
        return "schedule=backprop trains without sidecars"
    return None if encoder.rebuilds else f"encoder={encoder.name} has no decoder"


def why_nothing_is_rebuilt(encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig) -> str | None:
    """Name the setting by which no layer learns from reconstruction; None if they do."""
    if reason := why_nothing_can_rebuild(encoder, objective, schedule):
        return reason
    if objective.rebuilds:
        return None
    setting = f"objective={objective.name}"
    if isinstance(objective, BalancedConfig):
        setting = "objective.alpha=1"
    elif isinstance(objective, InfoProLossConfig):
        setting = "objective.reconstruction_weight=0"
    return f"{setting} leaves reconstruction out"


def why_unlabelled_images_are_idle(
    encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig, pseudo_labels: PseudoLabelsConfig
) -> str | None:
    """Name the setting by which no layer learns from unlabelled images; None if they do."""
    return None if pseudo_labels.teaches else why_labels_are_needed(encoder, objective, schedule)


def why_labels_are_needed(encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig) -> str | None:
    """Name the setting by which no layer learns from an image that has no label, true or given; None if they do."""
    if reason := why_nothing_is_rebuilt(encoder, objective, schedule):
        return reason
    return None if objective.rebuilds_unlabelled else "objective.alpha=1 leaves the unlabelled reconstruction out"
