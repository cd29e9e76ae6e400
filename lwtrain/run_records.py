"""What a run writes down about itself: settings and split when it begins, figures and layers when it ends."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.callbacks.rewinds import Rewinds
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.config.flattening import flatten
from lwtrain.config.schema import Config
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.files import write_whole
from lwtrain.layer_files import store_layers
from lwtrain.loggers import RunTensorBoardLogger
from lwtrain.printable import printable
from lwtrain.report import show_report, write_metrics
from lwtrain.stack import LayerStack

_FIRST = ("model", "schedule", "encoder", "labels", "seed")  # TensorBoard shows five
_NO_HYPERPARAMETERS = ("progress", "data_dir", "ckpt_path", "logger", "callbacks")


@rank_zero_only
def store_split(data: SemiSupervisedDataModule, run_dir: Path) -> None:
    """Keep which images are labelled and which validate, by their numbers in the training set."""
    labelled = data.labelled.tolist() if len(data.unlabelled) else "all others"
    split = {"validation": data.held_out.tolist() or "test", "labelled": labelled}
    write_whole(run_dir / "split.json", lambda file: file.write((json.dumps(split) + "\n").encode()))


@rank_zero_only
def show_settings(config: Config, loggers: list[Logger]) -> None:
    """Fill TensorBoard's pages of hyper-parameters and texts."""
    for logger in loggers:
        if isinstance(logger, RunTensorBoardLogger):
            logger.log_settings(_hyperparameters(config), _metrics(config), _FIRST)
            lines = yaml.safe_dump(asdict(config), sort_keys=False).splitlines()
            logger.log_text("config", "\n".join(map(printable, lines)))


def _hyperparameters(config: Config) -> dict[str, float | str]:
    """Give what runs may differ in that changes their figures."""
    settings = flatten(asdict(config)).items()
    return {name: _shown(value) for name, value in settings if name.partition(".")[0] not in _NO_HYPERPARAMETERS}


def _shown(value: object) -> float | str:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else printable(value)


def _metrics(config: Config) -> list[str]:
    """Name the figures by which runs are compared, the most telling first."""
    stages = ["val"] if config.validation == "test" else ["val", "test"]
    figures = ["vote/{}/accuracy", "head/{}/accuracy"]
    if config.encoder.inverts and config.objective.rebuilds:
        figures.insert(0, "{}/reconstruction")
    return [figure.format(stage) for figure in figures for stage in stages]


def known(config: Config, stack: LayerStack, stopwatch: Stopwatch, callbacks: Sequence[Callback]) -> dict[str, Any]:
    """Put together what a run has come to so far: its figures, what they cost, and its settings."""
    compiled = [callback for callback in callbacks if isinstance(callback, CompiledSteps)]
    rewinds = [rewind for callback in callbacks if isinstance(callback, Rewinds) for rewind in callback.made]
    return {
        **dict(sorted(stack.figures.items())),
        "seconds": stopwatch.seconds,
        "seconds_by_part": stopwatch.seconds_by_part,
        "layer_images_per_second": stopwatch.layer_images / max(stopwatch.seconds, 1e-9),
        "peak_memory_mib": stopwatch.peak_memory_mib,
        **({"compile_seconds": compiled[0].seconds} if compiled else {}),
        **({"rewinds": rewinds} if rewinds else {}),
        "config": asdict(config),
    }


@rank_zero_only
def finish(config: Config, stack: LayerStack, metrics: dict[str, Any], run_dir: Path) -> None:
    """Write what the run leaves behind, and show the table."""
    if config.layer.store:
        store_layers(stack, run_dir / "layers")
    write_metrics(metrics, run_dir)
    if config.progress != "none":
        show_report(metrics, stack.names, run_dir, curves=config.logger.tensorboard)
