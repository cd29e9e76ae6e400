"""Measures how fast a run goes, to say how long it still takes."""

import time
from collections.abc import Callable

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lwtrain.arithmetic import work_of_layers
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.schedules import Together, Turn, Upper, awake
from lwtrain.stack import LayerStack
from lwtrain.time_left import Estimate, Kind, foreseen, recent, time_left
from lwtrain.undeclared import datamodule_of


class TimeLeft(Callback):
    """Foresees the end of a run from what each layer's epochs have taken in this process.

    An epoch is timed as a whole, with the front that is rolled, the validation, pictures and checkpoints. Layers that
    have not been timed yet are judged by their arithmetic; see `lwtrain.arithmetic`. Stands behind all callbacks that
    take time, and before those that ask.

    Promises: the training does not change by its presence, nor do checkpoints: a resumed run measures anew.

    Args:
        schedule: Tells what is left.
        tests: Whether the test images are read when the fit is over, as the command line does.
        flips: Whether all images are then judged together with their mirror images.
        sizes: Gives what share of their rows the run's epochs train on, none of them 0, where some leave rows out.
        compiling: Seconds that this process has spent on compiling: what comes once is not expected again.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        schedule: LayerSchedule,
        *,
        tests: bool = False,
        flips: bool = False,
        sizes: Callable[[pl.Trainer, LayerStack], list[float]] | None = None,
        compiling: Callable[[], float] = float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._schedule, self._tests, self._flips = schedule, tests, flips
        self._sizes_of, self._compiling, self._clock = sizes, compiling, clock
        self._kinds: list[Kind] = []
        self._sizes: list[float] = []
        self._work: dict[Turn, float] = {}
        self._passes = 0.0
        self._begin()

    def _begin(self) -> None:
        self._timings: dict[Kind, list[float]] = {}
        self._validated: dict[Turn, float] = {}
        self._since = self._validating_since = self._now()

    def _now(self) -> float:
        """Tell the time without what came once."""
        return self._clock() - self._compiling()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read the schedule, count what each layer computes, and start the clock."""
        assert isinstance(pl_module, LayerStack)
        moments = self._schedule.timetable(len(pl_module.layers))
        self._kinds = [Kind.of(moment) for moment in moments[: trainer.max_epochs]]
        sizes = [1.0] * len(moments) if self._sizes_of is None else self._sizes_of(trainer, pl_module)
        self._sizes = sizes[: len(self._kinds)]
        self._work = {}
        if trainer.is_global_zero and pl_module.input_shape is not None:
            works = work_of_layers(pl_module)
            at_once = {kind.turn for kind in self._kinds if isinstance(kind.turn, Upper)} | {Together.SIMULTANEOUS}
            self._work = dict(enumerate(works)) | {
                turn: sum(works[layer] for layer in awake(turn, len(works), self._schedule.rest)) for turn in at_once
            }
        self._passes = self._passes_to_come(trainer)
        self._begin()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to time it."""
        self._validating_since = self._now()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note what hearing the layers that train takes."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._validated[self._kinds[trainer.current_epoch].turn] = self._now() - self._validating_since

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note what the epoch has taken."""
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            now, epoch = self._now(), trainer.current_epoch
            self._timings.setdefault(self._kinds[epoch], []).append((now - self._since) / self._sizes[epoch])
            self._since = now

    def estimate(self, trainer: pl.Trainer, share: float = 0.0) -> Estimate | None:
        """Say what is left; None if nothing is known yet.

        Args:
            trainer: Tells which epoch is under way.
            share: How much of it is done.
        """
        now, epoch = self._now(), trainer.current_epoch
        return time_left(
            self._kinds[epoch:],
            recent(self._timings),
            self._work,
            sizes=self._sizes[epoch:],
            elapsed=now - self._since,
            share=share,
            closing=self._closing(),
        )

    def _closing(self) -> float | None:
        """Foresee what follows the last epoch, by what it takes to hear all layers in validation."""
        if not self._passes:
            return 0.0
        heard = {Kind(turn, first=True): seconds for turn, seconds in self._validated.items()}
        seconds = [foreseen(kind, heard, self._work) for kind in {kind._replace(first=True) for kind in self._kinds}]
        known = [each for each in seconds if each is not None]
        return self._passes * sum(known) if len(known) == len(seconds) else None

    def _passes_to_come(self, trainer: pl.Trainer) -> float:
        """Count the images to be judged after the fit, as multiples of those that validate."""
        data = datamodule_of(trainer)
        if not self._tests or not isinstance(data, SemiSupervisedDataModule):
            return 0.0
        views = 2 if self._flips else 1
        tested = len(data.test.labels) / max(1, len(data.held_out)) if data.test and len(data.held_out) else 0.0
        return tested * views + (views if self._flips else 0)
