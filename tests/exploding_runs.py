"""Runs in which a layer's numbers go wrong for as long as its learning rate is too large; and one that is killed."""

# ruff: noqa: I001
import lwtrain  # before Lightning, which imports torchvision

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch

from lwtrain import training
from lwtrain.config.loading import load_config

TINY = [
    "model=vgg8b",
    "model.width=0.0625",
    "model.layer_depth=3",
    "encoder=c",
    "encoder.hidden=8",
    "dataset=fake",
    "dataset.num_images=200",
    "dataset.num_classes=3",
    "dataset.image_size=16",
    "batch_size=18",
    "labels=60",
    "schedule.epochs=3",
    "trainer.accelerator=cpu",
    "trainer.log_every_n_steps=1",
    "precision=32",
    "progress=none",
    "logger.tensorboard=false",
    "callbacks.check_loss_every=3",
]


class Explode(pl.Callback):
    """Makes a weight of a layer NaN in an epoch, as an overflow would, unless the layer's rate is small enough."""

    def __init__(self, layer: str, epoch: int, above: float, times: int = 1000) -> None:
        self.layer, self.epoch, self.above, self.times = layer, epoch, above, times

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        (group,) = [group for group in trainer.optimizers[0].param_groups if group["name"] == self.layer]
        if trainer.current_epoch == self.epoch and batch_idx == 1 and group["initial_lr"] > self.above and self.times:
            self.times -= 1
            with torch.no_grad():
                first = next(parameter for parameter in group["params"] if parameter.requires_grad)
                first[(0,) * first.ndim] = float("nan")


class KillAfter(pl.Callback):
    """Kills the process in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        (rewinds,) = [callback for callback in trainer.callbacks if isinstance(callback, training.Rewinds)]
        if trainer.current_epoch == self.epoch and batch_idx == 2 and rewinds.made:
            os.kill(os.getpid(), signal.SIGKILL)


def train_with(callbacks: list[pl.Callback], folder: Path, *words: str) -> dict[str, Any]:
    """Train, watched by callbacks that no setting makes."""
    build = training.build_callbacks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "build_callbacks", lambda *parts: [*callbacks, *build(*parts)])
        return training.train(load_config([*TINY, *words]), folder)


if __name__ == "__main__":
    kill_epoch, run_dir, *settings = sys.argv[1:]
    assert lwtrain.WaveSchedule
    train_with([Explode("layer_1", 4, above=6e-4), KillAfter(int(kill_epoch))], Path(run_dir), *settings)
