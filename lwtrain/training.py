"""One run, from its checked config to its metrics: the parts are made, the Trainer runs, the figures are written."""

import json
import logging
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console

from lwtrain.allocator import keep_freed_memory
from lwtrain.backbones import BACKBONES
from lwtrain.building import build_stack
from lwtrain.callbacks.finite_loss import FiniteLoss
from lwtrain.callbacks.layer_schedule import (
    BackpropSchedule,
    CustomSchedule,
    LayerSchedule,
    SequentialSchedule,
    WaveSchedule,
)
from lwtrain.callbacks.progress import PlainProgress, TerminalProgress
from lwtrain.callbacks.stopwatch import Stopwatch, peak_memory_mib
from lwtrain.checkpoints import AtomicCheckpointIO, RunCheckpoints, check_same_network, load_checkpoint
from lwtrain.config.schema import Config
from lwtrain.data.augmentation import preset
from lwtrain.data.load import load_dataset
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.files import write_whole
from lwtrain.layer_files import load_layers, store_layers
from lwtrain.loggers import RunCSVLogger, RunTensorBoardLogger
from lwtrain.optimizers import OptimizerFactory
from lwtrain.precision import trainer_precision
from lwtrain.report import show_report, write_metrics
from lwtrain.stack import LayerStack

SCHEDULES: dict[str, type[LayerSchedule]] = {
    "sequential": SequentialSchedule,
    "wave": WaveSchedule,
    "backprop": BackpropSchedule,
    "custom": CustomSchedule,
}


def train(config: Config, run_dir: Path) -> dict[str, Any]:
    """Carry out one run.

    Args:
        config: What is to be trained and how, checked.
        run_dir: Where checkpoints, curves, layers and `metrics.json` go.

    Returns:
        What `metrics.json` holds: accuracies by tag, seconds, layer_images_per_second, peak_memory_mib, config.

    Raises:
        ConfigError: If settings do not fit each other or the data.
        DataError: If data, a checkpoint or a layer file are missing or damaged.
        TrainingError: If losses or weights are no longer finite.
    """
    keep_freed_memory()
    quieten_lightning()
    settings = asdict(config)
    pl.seed_everything(config.seed, verbose=False)
    data = build_data(config)
    stack = build_network(config, data)
    rest = load_layers(stack, map(Path, config.layer.load)) if config.layer.load else set()
    checkpoint = None if config.ckpt_path is None else load_checkpoint(Path(config.ckpt_path))
    if checkpoint is not None:
        check_same_network(checkpoint, stack, Path(config.ckpt_path or ""))

    schedule = build_schedule(config, rest)
    stopwatch = Stopwatch(schedule)
    loggers = build_loggers(config, run_dir, None if checkpoint is None else checkpoint["global_step"])
    store_split(data, run_dir)
    callbacks: list[Callback] = [schedule, FiniteLoss(), stopwatch, RunCheckpoints(run_dir / "checkpoints", settings)]
    if config.progress != "none" and rank_zero_only.rank == 0:
        live = config.progress == "rich" or (config.progress == "auto" and Console().is_terminal)
        callbacks.append((TerminalProgress if live else PlainProgress)(schedule, stopwatch))
    trainer = build_trainer(config, run_dir, callbacks, loggers, epochs=len(schedule.timetable(len(stack.layers))))
    show_settings(settings, loggers)

    trainer.fit(stack, datamodule=data, ckpt_path=config.ckpt_path, weights_only=True)
    if not stack.ballots.knows(torch.nonzero(stack.voters).flatten().tolist()):
        trainer.validate(stack, datamodule=data, verbose=False)  # the last visits were not the head's
    if data.test is not None and config.validation != "test":
        trainer.test(stack, datamodule=data, verbose=False)

    metrics = {
        **dict(sorted(stack.figures.items())),
        "seconds": stopwatch.seconds,
        "layer_images_per_second": stopwatch.layer_images / max(stopwatch.seconds, 1e-9),
        "peak_memory_mib": peak_memory_mib(),
        "config": settings,
    }
    finish(config, stack, metrics, run_dir)
    return metrics


@rank_zero_only
def finish(config: Config, stack: LayerStack, metrics: dict[str, Any], run_dir: Path) -> None:
    """Write what the run leaves behind, and show the table."""
    if config.layer.store:
        store_layers(stack, run_dir / "layers")
    write_metrics(metrics, run_dir)
    if config.progress != "none":
        show_report(metrics, stack.names, run_dir)


def build_data(config: Config) -> SemiSupervisedDataModule:
    """Read the data set and split it."""
    dataset = load_dataset(
        config.dataset.name, Path(config.data_dir), image_size=config.dataset.image_size, fit=config.dataset.fit
    )
    return SemiSupervisedDataModule(
        dataset.train,
        dataset.test,
        labels=config.labels,
        validation=config.validation,
        mixture=config.batches,
        batch_size=config.batch_size,
        augmentation=preset(config.dataset.augmentation, flip=config.dataset.flip),
        seed=config.seed,
    )


def build_network(config: Config, data: SemiSupervisedDataModule) -> LayerStack:
    """Make the backbone with its sidecars, laid out as convolutions like it."""
    _, channels, height, width = data.train.images.shape
    backbone = BACKBONES[config.model.name](
        config.model.name,
        (channels, height, width),
        data.num_classes,
        width=config.model.width,
        layer_depth=config.model.layer_depth,
        map=config.map.name,
    )
    stack = build_stack(
        backbone,
        encoder=config.encoder.name,
        encoder_settings=_without_name(config.encoder),
        objective=config.objective.name,
        objective_settings=_without_name(config.objective),
        optimizer=build_optimizer(config),
    )
    return stack.to(memory_format=torch.channels_last)


def build_optimizer(config: Config) -> OptimizerFactory:
    """Say how the optimizer is made; fused, unless gradients are clipped, which Lightning refuses then."""
    settings = _without_name(config.optimizer)
    own = {name: settings.pop(name) for name in ("lr", "lr_decay")}
    del settings["course"]  # the schedule's
    fused = config.trainer.gradient_clip_val is None
    return OptimizerFactory(config.optimizer.name, **own, fused=fused, settings=settings)


def build_schedule(config: Config, rest: set[int]) -> LayerSchedule:
    """Make the schedule, without the layers that need no training."""
    return SCHEDULES[config.schedule.name](
        **_without_name(config.schedule), front=config.front.name, course=config.optimizer.course, rest=rest
    )


def build_loggers(config: Config, run_dir: Path, resume_step: int | None) -> list[Logger]:
    """Make the loggers that are switched on, going on where the checkpoint was made."""
    loggers: list[Logger] = []
    if config.logger.tensorboard:
        loggers.append(RunTensorBoardLogger(run_dir, resume_step))
    if config.logger.csv:
        loggers.append(RunCSVLogger(run_dir, resume_step))
    return loggers


def build_trainer(
    config: Config, run_dir: Path, callbacks: list[Callback], loggers: list[Logger], epochs: int
) -> pl.Trainer:
    """Make Lightning's Trainer from the settings under `trainer.`, which bear its own names."""
    precision, reason = trainer_precision(config.precision, config.trainer.accelerator)
    logging.getLogger(__name__).info("precision=%s: %s", precision, reason)
    settings = asdict(config.trainer)
    settings["max_epochs"] = settings["max_epochs"] or epochs
    return pl.Trainer(
        **settings,
        enable_progress_bar=False,
        precision=precision,
        callbacks=callbacks,
        logger=loggers,
        plugins=[AtomicCheckpointIO()],
        default_root_dir=run_dir,
    )


@rank_zero_only
def store_split(data: SemiSupervisedDataModule, run_dir: Path) -> None:
    """Keep which images are labelled and which validate, by their numbers in the training set."""
    labelled = data.labelled.tolist() if len(data.unlabelled) else "all others"
    split = {"validation": data.held_out.tolist() or "test", "labelled": labelled}
    write_whole(run_dir / "split.json", lambda file: file.write((json.dumps(split) + "\n").encode()))


@rank_zero_only
def show_settings(settings: dict[str, Any], loggers: list[Logger]) -> None:
    """Fill TensorBoard's page of hyper-parameters."""
    for logger in loggers:
        if isinstance(logger, RunTensorBoardLogger):
            logger.log_settings(flatten(settings), metric="vote/val/accuracy")


def flatten(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested settings into one level: `model.width`, and `model` for a group's choice.

    Example:
        >>> flatten({"seed": 0, "model": {"name": "vgg11", "width": 1.0}})
        {'seed': 0, 'model': 'vgg11', 'model.width': 1.0}
    """
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}.")
        elif name == "name" and prefix:
            flat[prefix[:-1]] = value
        else:
            flat[prefix + name] = value if isinstance(value, (int, float, str, bool)) else str(value)
    return flat


def quieten_lightning() -> None:
    """Drop Lightning's tips and the warnings that do not apply here; errors and real warnings stay."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",
        ".*You defined a `validation_step` but have no.*",
        ".*LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message)


def _without_name(group: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(group).items() if name != "name"}
