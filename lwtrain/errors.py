"""What a user can mend: the message is all they need to read, one or two lines that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ConfigError(ValueError):
    """A setting that cannot be used, in the form `setting=value: what is allowed`."""


class DataError(Exception):
    """Data that are missing or damaged, with the file and the remedy named."""


@contextmanager
def settings_at_fault() -> Iterator[None]:
    """Turn every ValueError of the library into a ConfigError: what it was called with are the user's settings."""
    try:
        yield
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(str(error)) from error


@contextmanager
def trainer_at_fault() -> Iterator[None]:
    """Turn Lightning's complaint about the Trainer's settings into a ConfigError."""
    from lightning_fabric.utilities.exceptions import MisconfigurationException  # not before torch is wanted

    try:
        yield
    except MisconfigurationException as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from error


class TrainingError(Exception):
    """Training that cannot go on, with the layer and the step named."""


class NotFiniteError(TrainingError):
    """A loss or weights that are numbers no more.

    Attributes:
        layer: The name of the lowest layer that went wrong; None where all of them learn end to end.
        what: What is wrong: "loss nan", or "weights that are not finite".
        wave: Of the layer's visit, counted from 1.
        epoch: Of the visit, counted from 1.
        step: Of the run, counted from 1.
        checkpoint: The last good one that the run has stored or begun from; None if none is known.
        rewinds: How often the run has gone back because of this layer before it gave up.
    """

    def __init__(
        self,
        layer: str | None,
        what: str,
        wave: int,
        epoch: int,
        step: int,
        checkpoint: Path | None = None,
        rewinds: int = 0,
    ) -> None:
        super().__init__(layer, what, wave, epoch, step, checkpoint, rewinds)  # what it is pickled by
        self.layer, self.what = layer, what
        self.wave, self.epoch, self.step = wave, epoch, step
        self.checkpoint, self.rewinds = checkpoint, rewinds

    @property
    def event(self) -> str:
        """What happened, and where."""
        who = self.layer or "all layers"
        return f"{who}: {self.what} in wave {self.wave}, epoch {self.epoch}, step {self.step}"

    def __str__(self) -> str:
        halved = f" after {self.rewinds} rewinds, each to half the learning rate" if self.rewinds else ""
        kept = f"; {self.checkpoint} is kept" if self.checkpoint else ""
        remedies = ["a smaller optimizer.lr", "precision=32", "trainer.gradient_clip_val=1"]
        remedies += [] if self.rewinds else ["callbacks.on_nan=rewind"]
        return f"{self.event}; stopped{halved}{kept}.\nChoose {', '.join(remedies[:-1])} or {remedies[-1]}"


class WriteError(OSError):
    """A file that cannot be written, with its path and the remedy named."""

    def __str__(self) -> str:
        """Give the message alone, without the number of the error."""
        return str(self.strerror)


class Stopped(KeyboardInterrupt):
    """A run that was asked to stop, and did so behind an epoch whose checkpoint is stored.

    Attributes:
        signal: The number of the signal that asked for it.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


MENDABLE = (ConfigError, DataError, TrainingError, WriteError)
"""What a user is told without a traceback."""
