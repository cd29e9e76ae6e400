"""Where a run is and what it costs: visits, learning rates, images per second, memory."""

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.index_batches import RowBatch
from lwtrain.peak_memory import peak_memory_mib
from lwtrain.stack import LayerStack


class Stopwatch(Callback):
    """Measures each epoch and writes its figures to the loggers, the schedule's place beside them.

    Attributes:
        seconds: In which the run trained, validated and moved the front, over all its resumptions.
        layer_images: How many images the layers read in training: each counts once per layer that it passes.
    """

    def __init__(self, schedule: LayerSchedule) -> None:
        self._schedule = schedule
        self.seconds, self.layer_images = 0.0, 0
        self.images_per_second = 0.0
        self._epoch_started = self._batches_started = time.perf_counter()
        self._images = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._epoch_started = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock of the steps, when the front has been brought forward."""
        if batch_idx == 0:
            self._batches_started, self._images = time.perf_counter(), 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch's images."""
        self._images += len(batch.rows if isinstance(batch, RowBatch) else batch[0]) * trainer.world_size
        self.images_per_second = self._images / (time.perf_counter() - self._batches_started)
        if trainer.global_step % self._log_every(trainer) == 0:
            assert isinstance(pl_module, LayerStack)
            self._write(trainer, {"train/loss": pl_module.latest_loss.item()})

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the epoch's figures."""
        assert isinstance(pl_module, LayerStack)
        visit = self._schedule.moment(trainer).visit
        now = time.perf_counter()
        self.seconds, self._epoch_started = self.seconds + now - self._epoch_started, now
        self.layer_images += self._images * (len(pl_module.layers) if pl_module.end_to_end else len(pl_module.learners))
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        rates = {f"{group.get('name', 'layers')}/lr": float(group["lr"]) for group in groups}
        if isinstance(visit.layer, int):
            tag = f"{pl_module.active_name}/lr"
            rates = {tag: rates[tag]}
        place = {"schedule/layer": visit.layer if isinstance(visit.layer, int) else -1, "schedule/wave": visit.wave}
        cost = {"speed/images_per_second": self.images_per_second, "memory/peak_mib": peak_memory_mib()}
        self._write(trainer, place | rates | cost)

    @staticmethod
    def _log_every(trainer: pl.Trainer) -> int:
        return trainer.log_every_n_steps  # type: ignore[attr-defined]  # Lightning sets it without declaring it

    @staticmethod
    def _write(trainer: pl.Trainer, figures: dict[str, float]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(figures, step=trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        """Give what a resumed run goes on counting from."""
        return {"seconds": self.seconds, "layer_images": self.layer_images}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self.seconds, self.layer_images = state_dict["seconds"], state_dict["layer_images"]
