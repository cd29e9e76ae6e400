"""Where a run is and what it costs: visits, learning rates, images per second, memory."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.index_batches import RowBatch
from lwtrain.part_times import PARTS, PartTimes, spent_on, turn_to
from lwtrain.peak_memory import peak_memory_mib
from lwtrain.stack import LayerStack
from lwtrain.undeclared import steps_between_logs


class Stopwatch(Callback):
    """Measures each epoch and writes its figures to the loggers, the schedule's place beside them.

    Args:
        schedule: Tells where the run is.
        clock: Tells the time in seconds.

    Attributes:
        seconds_by_part: What the run has spent on each of `PARTS`, over all its resumptions; see `PartTimes` for what
            that means on an accelerator.
        layer_images: How many images the layers read in training: each counts once per layer that it passes.
    """

    def __init__(self, schedule: LayerSchedule, clock: Callable[[], float] = time.perf_counter) -> None:
        self._schedule, self._clock = schedule, clock
        self._times, self._validation = PartTimes(clock=clock), ExitStack()
        self.seconds_by_part = dict(self._times.seconds)
        self.layer_images, self.images_per_second = 0, 0.0
        self._earlier_peak = 0.0
        self._batches_started, self._images = clock(), 0

    @property
    def seconds(self) -> float:
        """In which the run trained, validated and moved the front, over all its resumptions."""
        return sum(self.seconds_by_part.values())

    @property
    def peak_memory_mib(self) -> float:
        """How much memory the run has held at most, in MiB, over all its resumptions, each of which is a process."""
        return max(self._earlier_peak, peak_memory_mib())

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        self._times = PartTimes(self.seconds_by_part, self._clock)
        self._times.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wait for the first batch; the schedule, which is called before this, has brought the front."""
        turn_to("data")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start the clock of the steps, when the front has been brought forward."""
        turn_to("rest")
        if batch_idx == 0:
            self._batches_started, self._images = self._clock(), 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the batch's images."""
        turn_to("rest")  # also where gradients are still being gathered, and no optimizer has stepped
        assert isinstance(pl_module, LayerStack)
        shares = trainer.world_size if pl_module.pipeline is None else 1  # in a line all read the same batch
        self._images += len(batch.rows if isinstance(batch, RowBatch) else batch[0]) * shares
        self.images_per_second = self._images / max(self._clock() - self._batches_started, 1e-9)
        if trainer.global_step % self._log_every(trainer) == 0:
            self._write(trainer, {"train/loss": pl_module.latest_loss.item()})

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count what follows as validation."""
        self._validation.enter_context(spent_on("validation"))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go on with what was under way; in the middle of an epoch that is to wait for a batch."""
        self._validation.close()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the epoch's figures."""
        assert isinstance(pl_module, LayerStack)
        visit = self._schedule.moment(trainer).visit
        self._times.turn_to("rest")
        spent = {f"time/{part}": self._times.seconds[part] - self.seconds_by_part[part] for part in PARTS}
        self.seconds_by_part = dict(self._times.seconds)
        self.layer_images += self._images * (len(pl_module.layers) if pl_module.end_to_end else len(pl_module.learners))
        groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
        rates = {f"{group.get('name', 'layers')}/lr": float(group["lr"]) for group in groups}
        if isinstance(visit.layer, int):
            tag = f"{pl_module.active_name}/lr"
            rates = {tag: rates[tag]}
        place = {"schedule/layer": visit.layer if isinstance(visit.layer, int) else -1, "schedule/wave": visit.wave}
        cost = {"speed/images_per_second": self.images_per_second, "memory/peak_mib": self.peak_memory_mib}
        self._write(trainer, place | rates | cost | spent)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop the clock, what came after the last epoch's figures included."""
        self._stop()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Stop the clock of a fit that broke off; its last checkpoint knows nothing of the epoch that did not end."""
        self._stop()

    def _stop(self) -> None:
        self._times.stop()
        self.seconds_by_part = dict(self._times.seconds)

    @staticmethod
    def _log_every(trainer: pl.Trainer) -> int:
        return steps_between_logs(trainer)

    @staticmethod
    def _write(trainer: pl.Trainer, figures: dict[str, float]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(figures, step=trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        """Give what a resumed run goes on counting from."""
        return {
            "seconds_by_part": dict(self.seconds_by_part),
            "layer_images": self.layer_images,
            "peak_memory_mib": self.peak_memory_mib,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        earlier = state_dict.get("seconds_by_part", {"rest": state_dict.get("seconds", 0.0)})  # the sum, before 0.2
        self.seconds_by_part = dict.fromkeys(PARTS, 0.0) | earlier
        self.layer_images = state_dict["layer_images"]
        self._earlier_peak = state_dict.get("peak_memory_mib", 0.0)  # not kept at first
