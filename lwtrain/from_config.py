"""From a checked config to the parts of a run: data, network, schedule, loggers, callbacks, Trainer."""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, Checkpoint, Timer
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Shape
from lwtrain.backbones.whitening import fit_whitening
from lwtrain.building import build_stack
from lwtrain.callbacks.captured_steps import CapturedSteps
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.callbacks.dashboard import Dashboard
from lwtrain.callbacks.finite_loss import FiniteLoss
from lwtrain.callbacks.information_plane import InformationPlane
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.callbacks.named_schedules import SCHEDULES
from lwtrain.callbacks.pictures import ReconstructionPictures
from lwtrain.callbacks.progress import PlainProgress, TerminalProgress
from lwtrain.callbacks.pseudo_labels import PseudoLabels
from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.callbacks.rewinds import Rewinds
from lwtrain.callbacks.step_limit import StepLimit
from lwtrain.callbacks.stop_signal import StopSignal
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.callbacks.time_left import TimeLeft
from lwtrain.callbacks.weight_average import WeightAverage
from lwtrain.checkpoints import AtomicCheckpointIO, RunCheckpoints
from lwtrain.clusters import slurm_without_requeue
from lwtrain.config.learned_from import why_labels_are_needed, why_nothing_is_rebuilt
from lwtrain.config.schema import Config
from lwtrain.courses import Course
from lwtrain.data.augmentation import preset
from lwtrain.data.load import ImageDataset, load_dataset
from lwtrain.data.mixup import Mixup
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.information import ESTIMATORS
from lwtrain.information.estimator import Estimator
from lwtrain.layer import HorizontalLayer
from lwtrain.loggers import RunCSVLogger, RunTensorBoardLogger
from lwtrain.network import VotingNetwork
from lwtrain.optimizers import OptimizerFactory
from lwtrain.pipelined_strategy import PipelinedStrategy
from lwtrain.precision import trainer_precision
from lwtrain.stack import LayerStack
from lwtrain.votes import VoteRule

_COURSE_SETTINGS = ("halve_every", "drops_at", "drop_factor", "warm_up")  # of `Course`, beside its name


def build_data(config: Config) -> SemiSupervisedDataModule:
    """Read the data set and split it."""
    dataset = load_dataset(
        config.dataset.describe(),
        Path(config.data_dir),
        image_size=config.dataset.image_size,
        fit=config.dataset.fit,
        classes=config.dataset.classes,
    )
    return split_data(config, dataset)


def split_data(config: Config, dataset: ImageDataset) -> SemiSupervisedDataModule:
    """Split a data set that has been read."""
    return SemiSupervisedDataModule(
        dataset.train,
        dataset.test,
        labels=config.labels,
        validation=config.validation,
        batches=config.batches,
        batch_size=config.batch_size,
        augmentation=preset(config.dataset.augmentation, flip=config.dataset.flip),
        mixup=Mixup(config.mixup) if config.mixup else None,
        idle_rows=not _pseudo_labels_teach_alone(config),
        seed=config.seed,
    )


def _pseudo_labels_teach_alone(config: Config) -> bool:
    """Say whether a label, true or given, is all that a row can teach."""
    needed = why_labels_are_needed(config.encoder, config.objective, config.schedule)
    return config.pseudo_labels.teaches and needed is not None


def build_network(config: Config, data: SemiSupervisedDataModule) -> LayerStack:
    """Make the network that is to learn from the data; a whitening first layer is fitted to them."""
    _, channels, height, width = data.train.images.shape
    stack = assemble_network(config, (channels, height, width), data.num_classes)
    horizontals = [part for part in stack.layers if isinstance(part, HorizontalLayer)]
    fit_whitening([part.layer for part in horizontals], data.train.images, data.training_images)
    return stack


def assemble_network(config: Config, input_shape: Shape, num_classes: int) -> LayerStack:
    """Make the backbone with its sidecars, laid out as convolutions like it; no data are looked at."""
    backbone = BACKBONES[config.model.name](
        config.model.name, input_shape, num_classes, map=config.map.name, **_without_name(config.model)
    )
    stack = build_stack(
        backbone,
        encoder=config.encoder.name,
        encoder_settings=_without_name(config.encoder),
        objective=config.objective.name,
        objective_settings=_without_name(config.objective),
        optimizer=build_optimizer(config),
        micro_batch=config.micro_batch,
        vote_rule=VoteRule(config.vote.weights, config.vote.flips),
    )
    return stack.to(memory_format=torch.channels_last)


def build_optimizer(config: Config) -> OptimizerFactory:
    """Say how the optimizer is made; fused, unless gradients are clipped, which Lightning refuses then."""
    settings = _without_name(config.optimizer)
    own = {name: settings.pop(name) for name in ("lr", "lr_decay")}
    for name in ("course", *_COURSE_SETTINGS, "resting_state", "average_last"):
        del settings[name]  # the schedule's, and WeightAverage's
    fused = config.trainer.gradient_clip_val is None
    return OptimizerFactory(config.optimizer.name, **own, fused=fused, settings=settings)


def build_course(config: Config) -> Course:
    """Say how learning rates rise and fall."""
    settings = asdict(config.optimizer)
    return Course(settings["course"], **{name: settings[name] for name in _COURSE_SETTINGS})


def build_schedule(config: Config, rest: set[int], run_dir: Path | None = None) -> LayerSchedule:
    """Make the schedule, without the layers that need no training; a front on disk lies in the run's folder."""
    return SCHEDULES[config.schedule.name](
        **_without_name(config.schedule),
        front=config.front.name,
        views=config.front.views,
        front_folder=run_dir if config.front.folder is None else Path(config.front.folder),
        course=build_course(config),
        rest=rest,
        resting_state=config.optimizer.resting_state,
    )


def build_loggers(config: Config, run_dir: Path, resume_step: int | None) -> list[Logger]:
    """Make the loggers that are switched on, going on where the checkpoint was made."""
    loggers: list[Logger] = []
    if config.logger.tensorboard:
        loggers.append(RunTensorBoardLogger(run_dir, resume_step))
    if config.logger.csv:
        loggers.append(RunCSVLogger(run_dir, resume_step))
    return loggers


def build_callbacks(
    config: Config,
    schedule: LayerSchedule,
    stopwatch: Stopwatch,
    run_dir: Path,
    rewinds: Rewinds | None = None,
    teacher: VotingNetwork | None = None,
) -> list[Callback]:
    """Make the callbacks, in the order in which they are called: the schedule first, checkpoints last.

    Args:
        config: All settings.
        schedule: Of the run.
        stopwatch: Of the run.
        run_dir: Where the run's files go.
        rewinds: Those that an earlier attempt has made.
        teacher: The trained network that labels images, where `pseudo_labels.teacher` names its run.
    """
    callbacks: list[Callback] = [schedule, StopSignal(say=config.progress != "none")]
    callbacks.append(FiniteLoss(every=config.callbacks.check_loss_every))
    callbacks.append(rewinds or Rewinds())
    if config.compile:
        callbacks.append(CompiledSteps())
    if config.cuda_graphs:
        callbacks.append(CapturedSteps())
    if config.optimizer.average_last:  # before those that measure
        callbacks.append(WeightAverage(schedule, config.optimizer.average_last))
    callbacks.append(stopwatch)
    chosen = config.pseudo_labels
    if chosen.teaches and config.batches != "labelled":
        callbacks.append(
            PseudoLabels(schedule, chosen.teacher if teacher is None else teacher, chosen.share, chosen.ramp)
        )
    if config.encoder.inverts and config.objective.rebuilds:
        callbacks.append(ReconstructionError())
    if config.trainer.max_steps != -1:
        callbacks.append(StepLimit(config.trainer.max_steps))
    if plane := config.callbacks.information_plane:
        estimators: dict[str, Estimator] = {name: ESTIMATORS[name](name) for name in plane.estimators}
        callbacks.append(InformationPlane(run_dir, estimators, plane.images, plane.every))
    nothing_rebuilt = why_nothing_is_rebuilt(config.encoder, config.objective, config.schedule)
    if config.callbacks.pictures and config.logger.tensorboard and not nothing_rebuilt:
        callbacks.append(ReconstructionPictures(schedule, config.callbacks.pictures))
    if config.callbacks.dashboard and config.logger.tensorboard:
        callbacks.append(Dashboard(schedule, config.dataset.describe().only(config.dataset.classes).classes))
    if config.progress != "none" and getattr(rank_zero_only, "rank", 0) == 0:
        live = config.progress == "rich" or (config.progress == "auto" and Console().is_terminal)
        time_left = _time_left(config, schedule, callbacks)
        callbacks += [] if time_left is None else [time_left]
        callbacks.append((TerminalProgress if live else PlainProgress)(schedule, stopwatch, time_left=time_left))
    images = config.dataset.describe().only(config.dataset.classes).plain()
    return [*callbacks, RunCheckpoints(run_dir / "checkpoints", asdict(config), images)]


def _time_left(config: Config, schedule: LayerSchedule, callbacks: list[Callback]) -> TimeLeft | None:
    """Make what foresees the run's end, unless that is cut off by steps or minutes, or by a trial run."""
    if config.trainer.max_steps != -1 or config.trainer.max_time is not None or config.trainer.fast_dev_run:
        return None
    compiled = [callback for callback in callbacks if isinstance(callback, CompiledSteps)]

    def compiling() -> float:
        return sum(seconds for steps in compiled for seconds in steps.seconds.values())

    sizes = next((callback.filling for callback in callbacks if isinstance(callback, PseudoLabels)), None)
    return TimeLeft(schedule, tests=True, flips=config.vote.flips, sizes=sizes, compiling=compiling)


def build_trainer(
    config: Config, run_dir: Path, callbacks: list[Callback], loggers: list[Logger], epochs: int
) -> pl.Trainer:
    """Make Lightning's Trainer from the settings under `trainer.`, which bear its own names."""
    precision, reason = trainer_precision(config.precision, config.trainer.accelerator)
    logging.getLogger(__name__).info("precision=%s: %s", precision, reason)
    settings = asdict(config.trainer)
    settings["max_epochs"] = settings["max_epochs"] or epochs
    del settings["max_steps"]  # see StepLimit
    if config.schedule.name == "pipelined" and config.trainer.several_processes:
        settings["strategy"] = PipelinedStrategy()
        if (limit := settings.pop("max_time")) is not None:
            # Lightning's own clock asks all processes after each batch: who is ahead would wait for those behind.
            callbacks = [*callbacks, Timer(limit, interval="epoch")]
    trainer = pl.Trainer(
        **settings,
        enable_progress_bar=False,
        enable_checkpointing=any(isinstance(callback, Checkpoint) for callback in callbacks),
        precision=precision,
        callbacks=callbacks,
        logger=loggers,
        plugins=[AtomicCheckpointIO(), *slurm_without_requeue()],
        default_root_dir=run_dir,
    )
    on_cpu = config.trainer.accelerator != "cpu" and trainer.strategy.root_device.type == "cpu"
    if on_cpu and config.optimizer.resting_state == "host":  # what the settings alone do not tell
        logging.getLogger(__name__).warning("optimizer.resting_state=host has no effect: there is no accelerator")
    compared = config.objective.compares_rows and config.schedule.name != "backprop"
    if compared and trainer.world_size > 1 and trainer.is_global_zero and config.schedule.name != "pipelined":
        logging.getLogger(__name__).warning(
            "objective=%s compares the rows of a batch: each of the %d processes compares those of its own share alone",
            config.objective.name,
            trainer.world_size,
        )
    return trainer


def _without_name(group: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(group).items() if name != "name"}
