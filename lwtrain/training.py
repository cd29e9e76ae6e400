"""One run, from its checked config to its metrics: the parts are made, the Trainer runs, the figures are written."""

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from lwtrain.allocator import keep_freed_memory
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.callbacks.stop_signal import StopSignal
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import RunCheckpoints, load_checkpoint
from lwtrain.config.flattening import flatten
from lwtrain.config.run_folders import EarlierRun, differences
from lwtrain.config.schema import Config
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.errors import ConfigError, DataError, Stopped, settings_at_fault, trainer_at_fault
from lwtrain.files import write_whole
from lwtrain.from_config import (
    build_callbacks,
    build_data,
    build_loggers,
    build_network,
    build_schedule,
    build_trainer,
)
from lwtrain.layer_files import load_layers, store_layers
from lwtrain.loggers import RunTensorBoardLogger
from lwtrain.peak_memory import peak_memory_mib
from lwtrain.printable import printable
from lwtrain.provenance import provenance
from lwtrain.report import show_report, write_metrics
from lwtrain.stack import LayerStack
from lwtrain.stored_tensors import check_same_shapes, named_tensors


def train(config: Config, run_dir: Path) -> dict[str, Any]:
    """Carry out one run.

    Args:
        config: What is to be trained and how, checked.
        run_dir: Where checkpoints, curves, layers and `metrics.json` go.

    Returns:
        What `metrics.json` holds: accuracies by tag, seconds, seconds_by_part, layer_images_per_second,
        peak_memory_mib, epochs, made_by (see `provenance`), config; of a compiled run also compile_seconds, by layer.

    Raises:
        ConfigError: If settings do not fit each other or the data.
        DataError: If data, a checkpoint or a layer file are missing or damaged.
        TrainingError: If losses or weights are no longer finite.
        WriteError: If the disk is full or cannot be written to.
        Stopped: If a signal asked for it; the epoch before it is stored.
    """
    keep_freed_memory()
    quieten_lightning()
    pl.seed_everything(config.seed, verbose=False)
    with settings_at_fault():
        data = build_data(config)
        stack = build_network(config, data)
    rest = load_layers(stack, map(Path, config.layer.load)) if config.layer.load else set()
    resume_step = _check_checkpoint(config, stack, data)
    with settings_at_fault():
        schedule = build_schedule(config, rest, run_dir)
        epochs = len(schedule.timetable(len(stack.layers)))
    stopwatch = Stopwatch(schedule)
    loggers = build_loggers(config, run_dir, resume_step)
    callbacks = build_callbacks(config, schedule, stopwatch, run_dir)
    with trainer_at_fault():
        trainer = build_trainer(config, run_dir, callbacks, loggers, epochs)
        store_split(data, run_dir)
        show_settings(config, loggers)
        trainer.fit(stack, datamodule=data, ckpt_path=config.ckpt_path, weights_only=True)
        _heed_signals(trainer, callbacks)
        made = {"epochs": {"trained": trainer.current_epoch, "scheduled": epochs}, "made_by": provenance(run_dir)}
        try:
            measure(trainer, stack, data)
        except DataError:  # such as a test picture that breaks off: what has been trained is kept, and what is known
            finish(config, stack, known(config, stack, stopwatch, callbacks) | made, run_dir)
            raise
    metrics = known(config, stack, stopwatch, callbacks) | made
    finish(config, stack, metrics, run_dir)
    return metrics


def _heed_signals(trainer: pl.Trainer, callbacks: Sequence[Callback]) -> None:
    """End a run that was asked to stop, unless that came in its last epoch."""
    assert trainer.max_epochs is not None, "the schedule sets it"
    for callback in callbacks:
        if isinstance(callback, StopSignal) and callback.received and trainer.current_epoch < trainer.max_epochs:
            raise Stopped(callback.received)


def known(config: Config, stack: LayerStack, stopwatch: Stopwatch, callbacks: Sequence[Callback]) -> dict[str, Any]:
    """Put together what a run has come to so far: its figures, what they cost, and its settings."""
    compiled = [callback for callback in callbacks if isinstance(callback, CompiledSteps)]
    return {
        **dict(sorted(stack.figures.items())),
        "seconds": stopwatch.seconds,
        "seconds_by_part": stopwatch.seconds_by_part,
        "layer_images_per_second": stopwatch.layer_images / max(stopwatch.seconds, 1e-9),
        "peak_memory_mib": peak_memory_mib(),
        **({"compile_seconds": compiled[0].seconds} if compiled else {}),
        "config": asdict(config),
    }


def _check_checkpoint(config: Config, stack: LayerStack, data: SemiSupervisedDataModule) -> int | None:
    """Make sure that a checkpoint can be gone on from, before anything is written; give its step."""
    if config.ckpt_path is None:
        return None
    path = Path(config.ckpt_path)
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
        trainer.validate(stack, datamodule=data, verbose=False)
        for checkpoints in trainer.checkpoint_callbacks:
            if isinstance(checkpoints, RunCheckpoints):
                checkpoints.renew(trainer)
    if data.test is not None and len(data.held_out):
        trainer.test(stack, datamodule=data, verbose=False)


@rank_zero_only
def finish(config: Config, stack: LayerStack, metrics: dict[str, Any], run_dir: Path) -> None:
    """Write what the run leaves behind, and show the table."""
    if config.layer.store:
        store_layers(stack, run_dir / "layers")
    write_metrics(metrics, run_dir)
    if config.progress != "none":
        show_report(metrics, stack.names, run_dir, curves=config.logger.tensorboard)


@rank_zero_only
def store_split(data: SemiSupervisedDataModule, run_dir: Path) -> None:
    """Keep which images are labelled and which validate, by their numbers in the training set."""
    labelled = data.labelled.tolist() if len(data.unlabelled) else "all others"
    split = {"validation": data.held_out.tolist() or "test", "labelled": labelled}
    write_whole(run_dir / "split.json", lambda file: file.write((json.dumps(split) + "\n").encode()))


@rank_zero_only
def show_settings(config: Config, loggers: list[Logger]) -> None:
    """Fill TensorBoard's page of hyper-parameters."""
    for logger in loggers:
        if isinstance(logger, RunTensorBoardLogger):
            settings = flatten(asdict(config)).items()
            shown = {name: value if isinstance(value, (int, float)) else printable(value) for name, value in settings}
            logger.log_settings(shown, metric="vote/val/accuracy")


def quieten_lightning() -> None:
    """Drop Lightning's tips and the warnings that do not apply here; errors and real warnings stay."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("pytorch_lightning.profilers").setLevel(logging.INFO)  # what was asked for by trainer.profiler
    for message in (
        ".*LeafSpec.*",  # Lightning's own use of a deprecated name
        ".*smaller than the logging interval.*",  # losses are also written at every epoch's end
    ):
        warnings.filterwarnings("ignore", message)
