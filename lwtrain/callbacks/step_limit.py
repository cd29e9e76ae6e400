"""Stops a run after a number of steps, and lets it be resumed.

Lightning's own `max_steps` takes a resumed run for one in mid-epoch, and skips the start of its first epoch.
"""

from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class StepLimit(Callback):
    """Stops when the run has made `max_steps` steps; the epoch that is cut short is made again when it is resumed."""

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count."""
        if trainer.global_step >= self.max_steps:
            trainer.should_stop = True
