"""One run, from its checked config to its metrics: the parts are made, the Trainer runs, the figures are written."""

import gc
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lwtrain.allocator import keep_freed_memory
from lwtrain.callbacks.captured_steps import CapturedSteps
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.callbacks.rewinds import Rewinds
from lwtrain.callbacks.stop_signal import StopSignal
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import RunCheckpoints, load_checkpoint
from lwtrain.config.run_folders import EarlierRun, differences
from lwtrain.config.schema import Config
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.enough_memory import check_memory, memory_told
from lwtrain.errors import ConfigError, DataError, NotFiniteError, Stopped, settings_at_fault, trainer_at_fault
from lwtrain.from_config import (
    build_callbacks,
    build_data,
    build_loggers,
    build_network,
    build_schedule,
    build_trainer,
)
from lwtrain.layer_files import load_layers
from lwtrain.loggers import START
from lwtrain.lost_process import lost_process_told
from lwtrain.pipelined_strategy import PipelinedStrategy
from lwtrain.provenance import provenance
from lwtrain.quiet import quieten_lightning
from lwtrain.run_records import finish, known, show_settings, store_split
from lwtrain.stack import LayerStack
from lwtrain.steep_rates import steep_rate
from lwtrain.stored_tensors import check_same_shapes, named_tensors
from lwtrain.teaching_run import load_teacher


def train(config: Config, run_dir: Path) -> dict[str, Any]:
    """Carry out one run.

    Args:
        config: What is to be trained and how, checked.
        run_dir: Where checkpoints, curves, layers and `metrics.json` go.

    Returns:
        What `metrics.json` holds: accuracies by tag, seconds, seconds_by_part, layer_images_per_second,
        peak_memory_mib, epochs, made_by (see `provenance`), config; of a compiled run also compile_seconds, by layer;
        of one that went back (`callbacks.on_nan=rewind`) also rewinds, see `Rewinds`.

    Raises:
        ConfigError: If settings do not fit each other, the data, or the memory that is free.
        DataError: If data, a checkpoint or a layer file are missing or damaged.
        TrainingError: If losses or weights are no longer finite, memory runs out that could not be foreseen, or another
            of the processes that train together has ended.
        WriteError: If the disk is full or cannot be written to.
        Stopped: If a signal asked for it; the epoch before it is stored.
    """
    keep_freed_memory()
    quieten_lightning()
    rewinds = Rewinds()
    begin = Beginning(None if config.ckpt_path is None else Path(config.ckpt_path))
    while True:
        try:
            return _attempt(config, run_dir, begin, rewinds)
        except NotFiniteError as error:
            if config.callbacks.on_nan == "stop":
                raise
            rewinds.go_back(error)
            begin = Beginning(error.checkpoint, again=True)
        gc.collect()  # the failed attempt's network and fronts, which refer to one another


class Beginning(NamedTuple):
    """Where an attempt at a run begins.

    Attributes:
        checkpoint: That it goes on from; None: it starts anew.
        again: Whether an attempt has been made before, and has left curves that must not be there twice.
    """

    checkpoint: Path | None
    again: bool = False


def _attempt(config: Config, run_dir: Path, begin: Beginning, rewinds: Rewinds) -> dict[str, Any]:
    """Make all parts of the run anew, so that it goes as if no attempt had been made before, and carry it out."""
    pl.seed_everything(config.seed, verbose=False)
    with settings_at_fault():
        data = build_data(config)
        stack = build_network(config, data)
    rest = load_layers(stack, map(Path, config.layer.load)) if config.layer.load else set()
    resume_step = START if begin.again else None
    if begin.checkpoint is not None:
        resume_step = _check_checkpoint(config, begin.checkpoint, stack, data)
    with settings_at_fault():
        schedule = build_schedule(config, rest, run_dir)
        epochs = len(schedule.timetable(len(stack.layers)))
    stopwatch = Stopwatch(schedule)
    loggers = build_loggers(config, run_dir, resume_step)
    run = config.pseudo_labels.run
    teacher = None if run is None or config.batches == "labelled" else load_teacher(run, data)
    callbacks = build_callbacks(config, schedule, stopwatch, run_dir, rewinds, teacher)
    with trainer_at_fault(), lost_process_told(run_dir):
        trainer = build_trainer(config, run_dir, callbacks, loggers, epochs)
        with settings_at_fault():
            data.check_processes(1 if isinstance(trainer.strategy, PipelinedStrategy) else trainer.world_size)
        _check_steps(trainer, callbacks)
        check_memory(trainer, stack, data, schedule)
        if trainer.is_global_zero and (told := steep_rate(config, stack)):
            logging.getLogger(__name__).warning("%s", told)
        store_split(data, run_dir)
        show_settings(config, loggers)
        with memory_told(trainer, stack, schedule):
            try:
                trainer.fit(stack, datamodule=data, ckpt_path=begin.checkpoint, weights_only=True)
            except NotFiniteError:
                if config.callbacks.on_nan == "rewind":  # resumed, it will go wrong in the same place, and go back then
                    _heed_signals(trainer, callbacks)
                raise
            _heed_signals(trainer, callbacks)
        made = {"epochs": {"trained": trainer.current_epoch, "scheduled": epochs}, "made_by": provenance(run_dir)}
        try:
            with memory_told(trainer, stack, schedule):
                measure(trainer, stack, data)
        except DataError:  # such as a test picture that breaks off: what has been trained is kept, and what is known
            finish(config, stack, known(config, stack, stopwatch, callbacks) | made, run_dir)
            raise
    metrics = known(config, stack, stopwatch, callbacks) | made
    finish(config, stack, metrics, run_dir)
    return metrics


def _check_steps(trainer: pl.Trainer, callbacks: Sequence[Callback]) -> None:
    """Make sure that the device takes such steps as are asked for, before anything is written."""
    for callback in callbacks:
        if isinstance(callback, CompiledSteps | CapturedSteps):
            callback.check(trainer.strategy.root_device)


def _heed_signals(trainer: pl.Trainer, callbacks: Sequence[Callback]) -> None:
    """End a run that was asked to stop, unless that came in its last epoch."""
    assert trainer.max_epochs is not None, "the schedule sets it"
    for callback in callbacks:
        if isinstance(callback, StopSignal) and callback.received and trainer.current_epoch < trainer.max_epochs:
            raise Stopped(callback.received)


def _check_checkpoint(config: Config, path: Path, stack: LayerStack, data: SemiSupervisedDataModule) -> int:
    """Make sure that a checkpoint can be gone on from, before anything is written; give its step."""
    checkpoint = load_checkpoint(path)
    settings = checkpoint.get("config")
    if changes := differences(config, EarlierRun(path, settings=settings if isinstance(settings, Mapping) else {})):
        raise ConfigError("\n".join(changes))
    complaint = f"ckpt_path={path}: a checkpoint of another network"
    check_same_shapes(named_tensors(checkpoint["state_dict"], complaint), stack.state_dict(), complaint)
    of_data, step = checkpoint.get(type(data).__name__), checkpoint.get("global_step")  # so called by Lightning
    if not isinstance(of_data, Mapping) or "fingerprint" not in of_data or not isinstance(step, int):
        raise DataError(f"ckpt_path={path}: it does not say how far its run had come. Choose another one")
    data.load_state_dict(dict(of_data))
    return step


def measure(trainer: pl.Trainer, stack: LayerStack, data: SemiSupervisedDataModule) -> None:
    """Let all layers speak that the last visits have left unheard, then read the test images, once.

    With `vote.flips` all layers speak again, so that the last figures of validation say what mirror images bring.
    """
    stack.expect(stack.voter_numbers)  # of a run that was cut short, those that have trained
    if stack.vote_rule.flips or stack.complete_vote is None or not stack.ballots.knows(stack.voter_numbers):
        loggers = trainer.loggers
        if not stack.vote_rule.flips and stack.ballots.announced.issuperset(stack.voter_numbers):
            trainer.loggers = []  # killed behind its last epoch, a run forgets opinions whose figures are written down
        trainer.validate(stack, datamodule=data, verbose=False)
        trainer.loggers = loggers
        for checkpoints in trainer.checkpoint_callbacks:
            if isinstance(checkpoints, RunCheckpoints):
                checkpoints.renew(trainer)
    if data.test is not None and len(data.held_out):
        trainer.test(stack, datamodule=data, verbose=False)
