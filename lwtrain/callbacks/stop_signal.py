"""Lets a run be stopped with nothing lost: by Ctrl-C, or by the SIGTERM with which clusters take machines back."""

import os
import signal
import threading
from collections.abc import Mapping
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lwtrain.clusters import is_job_of_submitit

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STDERR = 2


class StopSignal(Callback):
    """At the first signal lets the epoch end, so that its checkpoint is stored, and stops; at the second stops at once.

    The epoch under way is the unit of which a checkpoint can be resumed bit for bit. Whoever cannot wait for its end
    loses it and nothing else. Outside of a fit signals do what they did before. In a job of
    submitit SIGTERM does nothing, see `is_job_of_submitit`.

    Args:
        say: Whether to tell what the signal will do, on the standard error.

    Attributes:
        received: The number of the signal that stopped the latest fit; None if none did.
    """

    def __init__(self, *, say: bool = True) -> None:
        self.say = say
        self.received: int | None = None
        self._before: Mapping[int, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Listen in the place of Lightning, which does so from shortly before this and would stop between two steps."""
        self.received = None
        if threading.current_thread() is threading.main_thread():  # Python lets no other thread listen
            self._before = {number: signal.signal(number, self._receive) for number in _SIGNALS}

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop behind this epoch, on all processes if one of them was told to."""
        told = trainer.strategy.reduce_boolean_decision(self.received is not None, all=False)
        if told:
            self.received = self.received or signal.SIGTERM
            trainer.should_stop = True

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let signals do what they did before."""
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Do the same after a fit that broke off."""
        self._restore()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM and is_job_of_submitit():
            return
        if self.received is not None:
            self._restore()
            raise KeyboardInterrupt
        self.received = number
        if self.say:  # not by print, which the signal may have interrupted
            again = " (Ctrl-C again: at once)" if number == signal.SIGINT else ""
            os.write(_STDERR, f"\nstopping when this epoch ends{again}\n".encode())

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
