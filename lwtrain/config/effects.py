"""What settings bring about together: what `auto` stands for, and which of them change nothing beside the others."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Literal

from lwtrain.config.schema import (
    BackpropConfig,
    BalancedConfig,
    Config,
    EncoderConfig,
    ObjectiveConfig,
    ScheduleConfig,
)
from lwtrain.data.catalog import dataset_info


def pick_batches(
    labels: int | float | str, encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig
) -> Literal["half", "labelled"]:
    """Resolve `batches=auto`: half of a batch is unlabelled, where such images exist and something learns from them."""
    return "labelled" if labels == "all" or why_nothing_is_rebuilt(encoder, objective, schedule) else "half"


def why_nothing_is_rebuilt(encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig) -> str | None:
    """Name the setting by which no layer learns from reconstruction, and so from unlabelled images; None if they do."""
    if isinstance(schedule, BackpropConfig):
        return "schedule=backprop trains without sidecars"
    if not encoder.rebuilds:
        return f"encoder={encoder.name} has no decoder"
    return None if objective.rebuilds else f"objective={objective.name} leaves reconstruction out"


def without_effect(config: Config, given: Collection[str]) -> list[str]:
    """Find what the user set in vain.

    Args:
        config: All settings.
        given: Those that the user named, such as `objective.alpha`; a group's choice goes by the group's name.

    Returns:
        A line to warn with for each of them that changes nothing.
    """
    return [
        f"{setting} has no effect: {reason}"
        for setting in given
        for pattern, reason in _idle(config)
        if fnmatchcase(setting, pattern)
    ]


def _idle(config: Config) -> Iterator[tuple[str, str]]:
    """Go through the settings that change nothing, as patterns, with the reason."""
    yield from _idle_in_learning(config)
    yield from _idle_in_images(config)
    yield from _idle_in_trainer(config)


def _idle_in_learning(config: Config) -> Iterator[tuple[str, str]]:
    unrebuilt = why_nothing_is_rebuilt(config.encoder, config.objective, config.schedule)
    if isinstance(config.schedule, BackpropConfig):
        for pattern in ("encoder", "encoder.*", "front"):
            yield pattern, "schedule=backprop trains the whole backbone end to end"
    if unrebuilt and isinstance(config.objective, BalancedConfig):
        for pattern in ("objective", "objective.alpha", "objective.reconstruction"):
            yield pattern, f"{unrebuilt}, so the prediction loss stands alone"
    elif unrebuilt:
        yield "encoder.output", unrebuilt
    if config.batches != "labelled" and config.labels == "all":
        yield "batches", "labels=all leaves no image unlabelled"
    elif config.batches != "labelled" and unrebuilt:
        yield "batches", f"{unrebuilt}, so nothing is learned from unlabelled images"


def _idle_in_images(config: Config) -> Iterator[tuple[str, str]]:
    info = dataset_info(config.dataset.name)
    if config.dataset.image_size in (None, info.image_size):
        yield "dataset.fit", f"the images stay at their own {info.image_size}x{info.image_size}"
    if config.dataset.augmentation == "none":
        yield "dataset.flip", "dataset.augmentation=none alters no image"
    if info.bundled:
        yield "data_dir", f"dataset={info.name} comes with lwtrain"


def _idle_in_trainer(config: Config) -> Iterator[tuple[str, str]]:
    if config.trainer.num_devices == config.trainer.num_nodes == 1:
        yield "trainer.sync_batchnorm", "there is one process; choose trainer=ddp for more"
    if config.validation == "test":
        yield "trainer.limit_test_batches", "validation=test: the test images validate, and are not read once more"
    if config.trainer.gradient_clip_val is None:
        yield "trainer.gradient_clip_algorithm", "trainer.gradient_clip_val is not set"
