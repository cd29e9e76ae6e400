"""lwtrain's own rows: its schedules carried out by `Trainer.fit`, with all that makes lwtrain fast."""

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from benchmarking.checkpointing import checkpointed, root_segments
from benchmarking.contender import Clock
from benchmarking.images import first
from benchmarking.networks import CLASSES, lwtrain_backbone
from benchmarking.row import Row
from lwtrain.allocator import keep_freed_memory
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.building import build_stack
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.callbacks.named_schedules import SCHEDULES
from lwtrain.data.augmentation import preset
from lwtrain.data.load import Split
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.optimizers import OptimizerFactory
from lwtrain.quiet import quieten_lightning
from lwtrain.stack import LayerStack

_IN_BACKPROP = "pool"  # its sidecars rest then: the smallest ones


class Lwtrain:
    """Trains a `LayerStack` as a script of a user's own would: all images labelled, none to validate on.

    Args:
        row: Its method is a schedule, or backpropagation with or without checkpointing.
        shape: Of an image.
        folder: Where a front on disk lies.
    """

    def __init__(self, row: Row, shape: Shape, folder: Path) -> None:
        keep_freed_memory()
        quieten_lightning()
        self._row, self._folder = row, folder
        backbone = lwtrain_backbone(row.network, row.width, shape)
        self.num_layers = len(backbone.layers) + 1
        stack = build_stack(
            _prepare(backbone, row), encoder=row.encoder or _IN_BACKPROP, optimizer=OptimizerFactory("adam")
        )
        self.stack: LayerStack = stack.to(memory_format=torch.channels_last)

    def train(self, images: Split, watch: Callable[[LayerSchedule], Sequence[Callback]] = lambda _: ()) -> float:
        """Carry out one wave, or one epoch of all layers; the front's rolling counts.

        Args:
            images: Read once by each layer.
            watch: Makes callbacks that look on, of the schedule.
        """
        schedule, clock = self._schedule(), Clock()
        trainer = pl.Trainer(
            max_epochs=-1,  # the schedule knows
            devices=1,
            precision="bf16-mixed" if self._row.precision == "bf16" else "32-true",
            callbacks=[schedule, *watch(schedule), _Stopping(clock)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            limit_val_batches=0,
        )
        trainer.fit(self.stack, datamodule=self._data(images))
        self.stack.trainer = None  # what its optimizer remembers would stay beside the next one's
        gc.collect()
        return clock.seconds

    def _schedule(self) -> LayerSchedule:
        settings: dict[str, Any] = {"epochs": 1, "front": self._row.front or "memory"}
        if self._row.front == "disk":
            settings["front_folder"] = self._folder
        if self._row.method == "wave":
            settings["waves"] = 1
        layerwise = self._row.method in ("wave", "simultaneous")
        return SCHEDULES[self._row.method if layerwise else "backprop"](**settings)

    def _data(self, images: Split) -> SemiSupervisedDataModule:
        batch_size = min(self._row.batch_size, len(images))
        never_read = first(images, CLASSES)
        return SemiSupervisedDataModule(
            images,
            never_read,
            validation="test",
            batch_size=batch_size,
            augmentation=preset(self._row.augmentation or "none"),
            seed=self._row.seed,
        )


class _Stopping(Callback):
    """Runs the clock while the Trainer trains."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._clock.start()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._clock.stop()


def _prepare(backbone: Backbone, row: Row) -> Backbone:
    if row.method == "checkpointing":
        return checkpointed(backbone)
    if row.method == "segment-checkpointing":
        return checkpointed(backbone, root_segments(len(backbone.layers)))
    return backbone
