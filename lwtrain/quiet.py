"""A Trainer that says and writes only what it is asked for, for notebooks and scripts."""

import logging
import warnings
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lwtrain.callbacks.layer_schedule import LayerSchedule

_SILENT = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


def quiet_trainer(schedule: LayerSchedule, *callbacks: Callback, **settings: Any) -> pl.Trainer:
    """Make a Trainer for one schedule: no bars, no summary, no tips, no files, and as many epochs as it takes.

    Args:
        schedule: Says which layer trains when, and how long.
        callbacks: What else takes part.
        settings: Of Lightning's Trainer, by its names, such as `logger=History()` or `accelerator="cpu"`.

    Example:
        >>> from lwtrain import WaveSchedule
        >>> trainer = quiet_trainer(WaveSchedule(epochs=2, waves=2), accelerator="cpu")
        >>> trainer.loggers, trainer.max_epochs
        ([], -1)
    """
    quieten_lightning()
    return pl.Trainer(**{"max_epochs": -1, **_SILENT, **settings}, callbacks=[schedule, *callbacks])


def quieten_lightning() -> None:
    """Drop Lightning's tips and the warnings that do not apply here; errors and real warnings stay."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    logging.getLogger("pytorch_lightning.profilers").setLevel(logging.INFO)  # what was asked for by trainer.profiler
    for message in (
        ".*LeafSpec.*",  # Lightning's own use of a deprecated name
        ".*smaller than the logging interval.*",  # losses are also written at every epoch's end
    ):
        warnings.filterwarnings("ignore", message)
