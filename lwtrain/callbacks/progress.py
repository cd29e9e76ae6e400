"""Says where a run is: a live line on a terminal, plain lines in a log."""

import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.callbacks.time_left import TimeLeft
from lwtrain.schedules import Upper
from lwtrain.stack import LayerStack

_REFRESH_SECONDS = 0.25  # reading the loss makes an accelerator wait


class PlainProgress(Callback):
    """Writes one line for each epoch when it is done, for log files.

    Args:
        schedule: Tells where the run is.
        stopwatch: Tells how fast it goes.
        console: Where the lines go.
        time_left: Tells when it ends, if anybody does; a callback of the Trainer's that stands before this one.
    """

    def __init__(
        self,
        schedule: LayerSchedule,
        stopwatch: Stopwatch,
        console: Console | None = None,
        time_left: TimeLeft | None = None,
    ) -> None:
        self._schedule, self._stopwatch, self._time_left = schedule, stopwatch, time_left
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._open: tuple[str, str] | None = None  # the place and the layer of the epoch that runs

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the line of the epoch before, whose figures are complete by now, and begin the next."""
        assert isinstance(pl_module, LayerStack)
        self._close(pl_module, self._left(trainer))
        self._open = place(self._schedule, trainer, pl_module), pl_module.active_name

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Close the last line."""
        assert isinstance(pl_module, LayerStack)
        self._close(pl_module)

    def _close(self, stack: LayerStack, left: str = "") -> None:
        if self._open is not None:
            where, name = self._open
            self._console.print(f"{where}  {outcome(stack, name, self._stopwatch)}{left}")
            self._open = None

    def _left(self, trainer: pl.Trainer, share: float = 0.0) -> str:
        """Say how long the run still takes, behind other words; nothing as long as it is not known."""
        estimate = self._time_left.estimate(trainer, share) if self._time_left is not None else None
        return "" if estimate is None else f"  {estimate}"


class TerminalProgress(PlainProgress):
    """Shows the epoch that runs as a bar with its loss, accuracy and speed, below the lines of those that are done."""

    def __init__(
        self,
        schedule: LayerSchedule,
        stopwatch: Stopwatch,
        console: Console | None = None,
        time_left: TimeLeft | None = None,
    ) -> None:
        super().__init__(schedule, stopwatch, console, time_left)
        # The terminal's own colours, of which light and dark ones alike show green and dimmed text.
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(24, style="dim", complete_style="green", finished_style="green"),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
            transient=True,
        )
        self._task = self._bar.add_task("", figures="")
        self._refreshed = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin a new bar."""
        super().on_train_epoch_start(trainer, pl_module)
        assert self._open is not None
        self._bar.reset(self._task, total=int(trainer.num_training_batches), description=self._open[0], figures="")
        self._bar.start()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar on."""
        assert isinstance(pl_module, LayerStack)
        if time.monotonic() - self._refreshed < _REFRESH_SECONDS:
            return
        self._refreshed = time.monotonic()
        accuracy = pl_module.meter.accuracy_so_far()
        speed = f"{self._stopwatch.images_per_second:,.0f} images/s"
        left = self._left(trainer, (batch_idx + 1) / trainer.num_training_batches)
        figures = f"loss {pl_module.latest_loss.item():.3f}  accuracy {accuracy:.1%}  {speed}{left}"
        self._bar.update(self._task, completed=batch_idx + 1, figures=figures)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the bar away."""
        self._bar.stop()
        super().on_train_end(trainer, pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Take the bar away, so that the error's message stands alone."""
        self._bar.stop()


def place(schedule: LayerSchedule, trainer: pl.Trainer, stack: LayerStack) -> str:
    """Say where in its schedule a run is: "wave 2/3  layer 4/9"."""
    moment, waves = schedule.moment(trainer), schedule.num_waves
    parts = [f"wave {moment.visit.wave + 1}/{waves}"] if waves > 1 else []
    layer = moment.visit.layer
    if isinstance(layer, Upper):
        parts.append(f"layers {layer.lowest + 1} to {len(stack.layers)}")
    else:
        parts.append(f"layer {layer + 1}/{len(stack.layers)}" if isinstance(layer, int) else "all layers")
    if (end := schedule.end_of(moment.visit)) > 1:
        parts.append(f"epoch {moment.epoch + 1}/{end}")
    return "  ".join(parts)


def outcome(stack: LayerStack, name: str, stopwatch: Stopwatch) -> str:
    """Say what an epoch brought: the loss and accuracies of the layer called `name`, the vote so far, the speed.

    Of an autoencoder whose decoders have all learned, also the squared error of images that went all the way.
    """
    figures, validated = stack.figures, stack.names.index(name) in stack.ballots.announced
    shown = {"train": f"{name}/train/accuracy"}
    if validated:  # else the figures are those of an earlier epoch
        shown |= {"val": f"{name}/val/accuracy", "vote": "vote/val/accuracy_so_far"}
    parts = [f"loss {figures[tag]:.3f}" for tag in [f"{name}/train/loss"] if tag in figures]
    parts += [f"{word} {figures[tag]:6.1%}" for word, tag in shown.items() if tag in figures]
    if validated and "val/reconstruction" in figures:
        parts.append(f"reconstruction {figures['val/reconstruction']:.4f}")
    return "  ".join([*parts, f"{stopwatch.images_per_second:,.0f} images/s"])
