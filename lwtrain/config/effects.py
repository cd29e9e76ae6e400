"""What settings bring about together: what `auto` stands for, and which of them change nothing beside the others."""

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Literal

from lwtrain.config.schema import (
    BackpropConfig,
    BalancedConfig,
    Config,
    CustomConfig,
    EncoderConfig,
    ObjectiveConfig,
    ScheduleConfig,
    SGDConfig,
    SimultaneousConfig,
    WaveConfig,
)
from lwtrain.data.catalog import dataset_info


def pick_batches(
    labels: int | float | str, encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig
) -> Literal["half", "labelled"]:
    """Resolve `batches=auto`: half of a batch is unlabelled, where such images exist and something learns from them."""
    return "labelled" if labels == "all" or why_unlabelled_images_are_idle(encoder, objective, schedule) else "half"


def why_nothing_can_rebuild(encoder: EncoderConfig, schedule: ScheduleConfig) -> str | None:
    """Name the setting by which no layer has a decoder; None if they have."""
    if isinstance(schedule, BackpropConfig):
        return "schedule=backprop trains without sidecars"
    return None if encoder.rebuilds else f"encoder={encoder.name} has no decoder"


def why_nothing_is_rebuilt(encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig) -> str | None:
    """Name the setting by which no layer learns from reconstruction; None if they do."""
    if reason := why_nothing_can_rebuild(encoder, schedule):
        return reason
    if objective.rebuilds:
        return None
    setting = "objective.alpha=1" if isinstance(objective, BalancedConfig) else f"objective={objective.name}"
    return f"{setting} leaves reconstruction out"


def why_unlabelled_images_are_idle(
    encoder: EncoderConfig, objective: ObjectiveConfig, schedule: ScheduleConfig
) -> str | None:
    """Name the setting by which no layer learns from unlabelled images; None if they do."""
    if reason := why_nothing_is_rebuilt(encoder, objective, schedule):
        return reason
    return None if objective.rebuilds_unlabelled else "objective.alpha=1 leaves the unlabelled reconstruction out"


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
    yield from _idle_in_optimizer(config)
    yield from _idle_in_front(config)
    yield from _idle_in_images(config)
    yield from _idle_in_trainer(config)


def _idle_in_learning(config: Config) -> Iterator[tuple[str, str]]:
    parts = config.encoder, config.objective, config.schedule
    unrebuilt, unread = why_nothing_is_rebuilt(*parts), why_unlabelled_images_are_idle(*parts)
    if isinstance(config.schedule, BackpropConfig):
        for pattern in ("encoder", "encoder.*"):
            yield pattern, "schedule=backprop trains the whole backbone end to end"
    if why_nothing_can_rebuild(config.encoder, config.schedule) and isinstance(config.objective, BalancedConfig):
        for pattern in ("objective", "objective.alpha", "objective.reconstruction"):
            yield pattern, f"{unrebuilt}, so the prediction loss stands alone"
    elif unrebuilt:
        for pattern in ("encoder.output", "objective.reconstruction"):
            yield pattern, unrebuilt
    if config.micro_batch is not None and config.micro_batch >= config.batch_size:
        yield "micro_batch", f"no batch is larger than batch_size={config.batch_size}"
    if config.batches != "labelled" and config.labels == "all":
        yield "batches", "labels=all leaves no image unlabelled"
    elif config.batches != "labelled" and unread:
        yield "batches", f"{unread}, so nothing is learned from unlabelled images"


def _idle_in_optimizer(config: Config) -> Iterator[tuple[str, str]]:
    if isinstance(config.schedule, (BackpropConfig, SimultaneousConfig)):
        yield "optimizer.resting_state", f"schedule={config.schedule.name} lets no layer rest"
    elif isinstance(config.optimizer, SGDConfig) and not config.optimizer.momentum:
        yield "optimizer.resting_state", "optimizer=sgd without momentum keeps no state"
    elif not _layers_wake_again(config.schedule):
        yield "optimizer.resting_state", "no layer trains again after a rest, and the states of the others are dropped"
    elif config.optimizer.resting_state == "host" and config.trainer.accelerator == "cpu":
        yield "optimizer.resting_state", "trainer.accelerator=cpu keeps all states in main memory"


def _layers_wake_again(schedule: ScheduleConfig) -> bool:
    if isinstance(schedule, CustomConfig):
        visited = [layer for layer, _ in groupby(visit.layer for visit in schedule.visits)]
        return len(visited) > len(set(visited))
    return isinstance(schedule, WaveConfig) and schedule.waves > 1


def _idle_in_front(config: Config) -> Iterator[tuple[str, str]]:
    longest = _longest_visit(config.schedule)
    if config.dataset.augmentation == "none" and (config.batches != "half" or config.labels == "all"):
        yield "front.views", "dataset.augmentation=none makes all views one"
    elif config.front.views != "fresh" and config.front.views >= longest:
        yield "front.views", f"no visit has more epochs than {longest}, each with a view of its own"
    if config.front.name not in ("auto", "disk"):
        yield "front.folder", f"front={config.front.name} keeps nothing on disk"


def _longest_visit(schedule: ScheduleConfig) -> int:
    if isinstance(schedule, CustomConfig):
        return max((visit.epochs for visit in schedule.visits), default=1)
    return schedule.epochs // schedule.waves if isinstance(schedule, WaveConfig) else schedule.epochs


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
