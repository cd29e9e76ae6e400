"""Which settings change nothing beside the others."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from fnmatch import fnmatchcase
from itertools import groupby

from lwtrain.config.learned_from import (
    all_are_labelled,
    why_nothing_can_rebuild,
    why_nothing_is_rebuilt,
    why_unlabelled_images_are_idle,
)
from lwtrain.config.schema import (
    AtOnce,
    BackpropConfig,
    BalancedConfig,
    Config,
    HSICConfig,
    ImageFolderConfig,
    InfoProConfig,
    InfoProLossConfig,
    PredSimConfig,
    PublishedConfig,
    ReconstructionConfig,
    SGDConfig,
    SimultaneousConfig,
    StackedAutoencoderConfig,
)
from lwtrain.config.visits import epochs_of_layers, visits_of
from lwtrain.data.dataset_info import DatasetInfo
from lwtrain.schedules import Turn, Visit


def without_effect(config: Config, given: Collection[str]) -> list[str]:
    """Find what the user set in vain.

    Args:
        config: All settings.
        given: Those that the user named, such as `objective.alpha`; a group's choice goes by the group's name.

    Returns:
        A line to warn with for each of them that changes nothing.
    """
    idle = list(_idle(config))
    return [
        f"{setting} has no effect: {reason}"
        for setting in given
        for pattern, reason in idle
        if fnmatchcase(setting, pattern)
    ]


def left_out(config: Config) -> str | None:
    """Say that images without a label are left out, and what would learn from them; None if that is not so.

    Example:
        >>> from lwtrain.config.loading import load_config
        >>> left_out(load_config(["labels=all"])), left_out(load_config(["labels=100", "encoder=c"]))
        (None, None)
    """
    if config.batches != "labelled" or all_are_labelled(config.dataset.describe(), config.labels):
        return None
    reason = why_unlabelled_images_are_idle(config.encoder, config.objective, config.schedule, config.pseudo_labels)
    if reason is None:  # it was asked for
        return None
    other = "" if isinstance(config.schedule, BackpropConfig) else "encoder=c or "
    return f"images without a label are left out: {reason}; {other}pseudo_labels.teacher=vote would learn from them"


def _idle(config: Config) -> Iterator[tuple[str, str]]:
    """Go through the settings that change nothing, as patterns, with the reason."""
    images = config.dataset.describe()
    num_layers = config.model.num_layers + 1
    visits = list(visits_of(config.schedule, num_layers))
    epochs = epochs_of_layers(visits, num_layers)
    yield from _idle_in_learning(config, images, visits)
    yield from _idle_in_pseudo_labels(config, images, epochs)
    yield from _idle_in_optimizer(config, visits, epochs)
    yield from _idle_in_schedule(config)
    yield from _idle_in_front(config, images, visits)
    yield from _idle_in_images(config, images)
    yield from _idle_in_trainer(config, images)
    yield from _idle_in_pictures(config)
    yield from _idle_in_vote(config, epochs)


def _idle_in_vote(config: Config, epochs: Mapping[int, int]) -> Iterator[tuple[str, str]]:
    if isinstance(config.schedule, BackpropConfig):
        yield "vote.weights", "schedule=backprop lets the head alone vote"
    elif len(epochs) == 1 and not config.layer.load:
        yield "vote.weights", "schedule.visits trains one layer, which alone votes"


def _idle_in_pictures(config: Config) -> Iterator[tuple[str, str]]:
    if not config.logger.tensorboard:
        yield "callbacks.dashboard", "logger.tensorboard=false: it is shown in TensorBoard"
        yield "callbacks.pictures", "logger.tensorboard=false: they are shown in TensorBoard"
    elif reason := why_nothing_is_rebuilt(config.encoder, config.objective, config.schedule):
        yield "callbacks.pictures", reason


def _idle_in_learning(config: Config, images: DatasetInfo, visits: Iterable[Visit]) -> Iterator[tuple[str, str]]:
    parts = config.encoder, config.objective, config.schedule
    unrebuilt, unread = why_nothing_is_rebuilt(*parts), why_unlabelled_images_are_idle(*parts, config.pseudo_labels)
    if isinstance(config.schedule, BackpropConfig) and isinstance(config.objective, ReconstructionConfig):
        yield "encoder.grid", "schedule=backprop reads the class off the code alone, by the head"
    elif isinstance(config.schedule, BackpropConfig):
        for pattern in ("encoder", "encoder.*"):
            yield pattern, "schedule=backprop trains the whole backbone end to end"
    if isinstance(config.schedule, BackpropConfig) and isinstance(
        config.objective, (HSICConfig, PredSimConfig, InfoProLossConfig)
    ):
        own = [field.name for field in fields(config.objective) if field.name not in ("name", "label_smoothing")]
        for pattern in ("objective", *(f"objective.{name}" for name in own)):
            yield pattern, "schedule=backprop trains the whole backbone end to end"
    elif config.encoder.name == "similarity" and not isinstance(config.objective, PredSimConfig):
        yield "encoder", f"objective={config.objective.name} compares no images, so encoder=pool does the same"
    if why_nothing_can_rebuild(*parts) and isinstance(config.objective, BalancedConfig):
        for pattern in ("objective", "objective.alpha", "objective.reconstruction"):
            yield pattern, f"{unrebuilt}, so the prediction loss stands alone"
    elif unrebuilt:
        for pattern in ("encoder.output", "objective.reconstruction"):
            yield pattern, unrebuilt
        if config.encoder.inverts:  # nothing but its decoder has them; other sidecars classify behind a convolution
            for pattern in ("encoder.activation", "encoder.kernel_size"):
                yield pattern, unrebuilt
        if isinstance(config.encoder, InfoProConfig) and not isinstance(config.schedule, BackpropConfig):
            yield "encoder.channels", unrebuilt
    if isinstance(config.model, StackedAutoencoderConfig) and config.model.depth == 1:
        yield "map", "model.depth=1: a map stands between two layers, and nothing before the head"
    elif config.map.name == "decoder" and (reason := unrebuilt or _why_a_decoder_is_random(config, visits)):
        yield "map", f"{reason}, so the map begins with random weights, as map=conv does"
    if config.micro_batch is not None and config.micro_batch >= config.batch_size:
        yield "micro_batch", f"no batch is larger than batch_size={config.batch_size}"
    if config.batches != "labelled" and all_are_labelled(images, config.labels):
        yield "batches", "labels=all leaves no image unlabelled"
    elif config.batches != "labelled" and unread:
        yield "batches", f"{unread}, so nothing is learned from unlabelled images"


def _idle_in_pseudo_labels(config: Config, images: DatasetInfo, epochs: Mapping[int, int]) -> Iterator[tuple[str, str]]:
    if not config.pseudo_labels.teaches:
        for pattern in ("pseudo_labels.share", "pseudo_labels.ramp"):
            yield pattern, "pseudo_labels.teacher=none labels no image"
        return
    if all_are_labelled(images, config.labels):
        reason = "labels=all leaves no image unlabelled"
    elif config.batches == "labelled":
        reason = "batches=labelled leaves unlabelled images out"
    elif max(epochs.values()) == 1 and config.pseudo_labels.run is None:
        reason = "no layer trains for a second epoch, and labels come from layers that have trained"
    else:
        return
    for pattern in ("pseudo_labels", "pseudo_labels.*"):
        yield pattern, reason


def _why_a_decoder_is_random(config: Config, visits: Iterable[Visit]) -> str | None:
    """Say why a map that begins as a piece of the decoder below takes over what has not been trained; None if not."""
    if isinstance(config.schedule, AtOnce):
        return f"schedule={config.schedule.name} starts all layers at once"
    if config.layer.load:  # what is loaded has trained
        return None
    trained: set[Turn] = set()
    for layer in (visit.layer for visit in visits):
        if isinstance(layer, int) and 0 < layer < config.model.num_layers and not trained & {layer, layer - 1}:
            return f"schedule.visits wakes layer {layer} before layer {layer - 1} has trained"
        trained.add(layer)
    return None


def _idle_in_optimizer(config: Config, visits: Sequence[Visit], epochs: Mapping[int, int]) -> Iterator[tuple[str, str]]:
    longest = max(epochs.values())
    if config.optimizer.course != "halving":
        yield "optimizer.halve_every", f"optimizer.course={config.optimizer.course} is not halving"
    elif config.optimizer.halve_every >= longest * (1 - config.optimizer.warm_up):
        for pattern in ("optimizer.course", "optimizer.halve_every"):
            yield pattern, f"no layer trains for more than {longest} epochs, and no learning rate is halved before"
    if config.optimizer.course != "steps":
        yield "optimizer.drop*", f"optimizer.course={config.optimizer.course} has no drops"
    if isinstance(config.schedule, (BackpropConfig, *AtOnce)):
        yield "optimizer.resting_state", f"schedule={config.schedule.name} lets no layer rest"
    elif isinstance(config.optimizer, SGDConfig) and not config.optimizer.momentum:
        yield "optimizer.resting_state", "optimizer=sgd without momentum keeps no state"
    elif not _layers_wake_again(visits):
        yield "optimizer.resting_state", "no layer trains again after a rest, and the states of the others are dropped"
    elif config.optimizer.resting_state == "host" and config.trainer.accelerator == "cpu":
        yield "optimizer.resting_state", "trainer.accelerator=cpu keeps all states in main memory"


def _idle_in_schedule(config: Config) -> Iterator[tuple[str, str]]:
    schedule = config.schedule
    if isinstance(schedule, SimultaneousConfig) and schedule.settle:
        if config.model.num_layers == 1:
            yield "schedule.settle", "the only layer below the head trains with it to the end"
        elif not round(schedule.settle * schedule.epochs):
            yield "schedule.settle", f"of schedule.epochs={schedule.epochs} that is less than one"


def _layers_wake_again(visits: Iterable[Visit]) -> bool:
    visited = [layer for layer, _ in groupby(visit.layer for visit in visits)]
    return len(visited) > len(set(visited))


def _idle_in_front(config: Config, images: DatasetInfo, visits: Iterable[Visit]) -> Iterator[tuple[str, str]]:
    longest = max(visit.end for visit in visits)
    repeats = config.batches not in ("proportional", "labelled") and not all_are_labelled(images, config.labels)
    if config.dataset.augmentation == "none" and not repeats:
        yield "front.views", "dataset.augmentation=none makes all views one"
    elif config.front.views != "fresh" and config.front.views >= longest:
        yield "front.views", f"no visit has more epochs than {longest}, each with a view of its own"
    if config.front.name not in ("auto", "disk"):
        yield "front.folder", f"front={config.front.name} keeps nothing on disk"


def _idle_in_images(config: Config, images: DatasetInfo) -> Iterator[tuple[str, str]]:
    dataset = config.dataset
    if isinstance(dataset, PublishedConfig) and dataset.image_size in (None, images.image_size):
        yield "dataset.fit", f"the images stay at their own {images.image_size}x{images.image_size}"
    if isinstance(dataset, ImageFolderConfig) and config.batches == "labelled":
        parts = config.encoder, config.objective, config.schedule, config.pseudo_labels
        unread = why_unlabelled_images_are_idle(*parts)
        yield "dataset.unlabelled", unread or "batches=labelled leaves unlabelled images out"
    if dataset.augmentation == "none" and not config.vote.flips:
        yield "dataset.flip", "dataset.augmentation=none alters no image"
    if not images.in_data_dir:
        yield "data_dir", f"dataset={images.name} reads nothing there"


def _idle_in_trainer(config: Config, images: DatasetInfo) -> Iterator[tuple[str, str]]:
    if config.trainer.num_devices == config.trainer.num_nodes == 1:
        yield "trainer.sync_batchnorm", "there is one process; choose trainer=ddp for more"
    if config.validation == "test":
        yield "trainer.limit_test_batches", "validation=test: the test images validate, and are not read once more"
    elif not images.num_test:
        yield "trainer.limit_test_batches", "there are no test images"
    if config.trainer.gradient_clip_val is None:
        yield "trainer.gradient_clip_algorithm", "trainer.gradient_clip_val is not set"
