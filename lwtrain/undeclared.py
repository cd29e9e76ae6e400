"""What Lightning's Trainer has, and does not declare to type checkers: said once, so that nobody else has to."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


def datamodule_of(trainer: pl.Trainer) -> pl.LightningDataModule | None:
    """Give the data module that a fit was given; None where it was given loaders."""
    return trainer.datamodule  # type: ignore[attr-defined]


def callbacks_of(trainer: pl.Trainer) -> list[Callback]:
    """Give the callbacks, in the order in which they are called."""
    return trainer.callbacks  # type: ignore[attr-defined]


def is_trial_run(trainer: pl.Trainer) -> bool:
    """Tell whether a few batches are run to see whether all works (`fast_dev_run`), and nothing is to be kept."""
    return bool(trainer.fast_dev_run)  # type: ignore[attr-defined]


def steps_between_logs(trainer: pl.Trainer) -> int:
    """Tell after how many steps figures are written, each time."""
    return trainer.log_every_n_steps  # type: ignore[attr-defined]
