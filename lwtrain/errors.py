"""What a user can mend: the message is all they need to read, one or two lines that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager


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
