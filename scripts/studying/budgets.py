"""The same time for everyone: how many epochs fill a budget, as measured on this machine.

A wall clock is no setting of a training: the learning rate has to fall to 0 at its end, and the run shall be the same
again. So one short run of each kind is timed before, and the epochs follow from that by arithmetic.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from lwtrain.errors import ConfigError, DataError
from lwtrain.files import write_whole
from lwtrain.machine import machine_name
from lwtrain.metrics_csv import read_metrics_csv
from lwtrain.part_times import PARTS
from lwtrain.plain_files import read_plain

FILE = "calibration.json"
PROBE = 0.05  # of an epoch's batches, where a whole epoch is longer than the longest budget
_WHOLE = 1.1  # an epoch that takes up to a tenth more than the budget still fits it
_LEAST = 0.01  # of an epoch: less shows nothing
_FIXED = ("front", "validation")  # parts that take as long where an epoch has fewer batches


@dataclass(frozen=True)
class Calibration:
    """How long a run takes, in seconds.

    Attributes:
        first: That all layers take for their first epoch, the front and validation included.
        fixed: Of these, what an epoch of fewer batches does not save.
        further: That they take for each epoch more. In a long visit each epoch has a fresh view of the images, which
            rolls through all layers below; in a wave the next layer's view is only one layer away.
        share: How much of an epoch was measured.
    """

    first: float
    fixed: float
    further: float
    share: float = 1.0

    @classmethod
    def of(cls, run_dir: Path, share: float) -> Self:
        """Read it off a short run in which each layer trained for an epoch or two, with a share of the batches.

        Raises:
            DataError: If the run has left no times.
        """
        epochs: dict[str, list[tuple[float, float]]] = {}
        for row in read_metrics_csv(run_dir / "metrics.csv"):
            if spent := {part: float(row[f"time/{part}"]) for part in PARTS if row.get(f"time/{part}")}:
                fixed = sum(spent.get(part, 0.0) for part in _FIXED)
                whole = fixed + (sum(spent.values()) - fixed) / share
                epochs.setdefault(row.get("schedule/layer", ""), []).append((whole, fixed))
        first = sum(layer[0][0] for layer in epochs.values())
        return cls(
            round(first, 2),
            round(sum(layer[0][1] for layer in epochs.values()), 2),
            round(sum(layer[-1][0] for layer in epochs.values()), 2),
            share,
        )

    def times(self, factor: float) -> "Calibration":
        """Give what a machine would take that is slower by a factor.

        Example:
            >>> Calibration(first=100, fixed=20, further=150).times(1.5)
            Calibration(first=150.0, fixed=30.0, further=225.0, share=1.0)
        """
        first, fixed, further = (round(time * factor, 2) for time in (self.first, self.fixed, self.further))
        return Calibration(first, fixed, further, self.share)

    def fill(self, seconds: float) -> "Length":
        """Find the epochs that take `seconds` as nearly as whole epochs can.

        Raises:
            ConfigError: If hardly anything can be trained in this time.

        Example:
            >>> Calibration(first=100, fixed=20, further=150).fill(480)
            Length(epochs=4, share=None)
            >>> Calibration(first=100, fixed=20, further=100).fill(60)
            Length(epochs=1, share=0.5)
        """
        if seconds * _WHOLE >= self.first:
            return Length(1 + max(0, round((seconds - self.first) / self.further)), None)
        share = (seconds - self.fixed) / (self.first - self.fixed)
        if share < _LEAST:
            raise ConfigError(f"{seconds / 60:g} minutes: the front and validation alone take {self.fixed:.0f} s")
        return Length(1, round(share, 3))


@dataclass(frozen=True)
class Length:
    """How long a run trains.

    Attributes:
        share: Of the batches of its epochs; None for all.
    """

    epochs: int
    share: float | None = None

    def words(self, schedule: str) -> list[str]:
        """Give the settings that say so to a schedule.

        Raises:
            ConfigError: If its length is not one of epochs.

        Example:
            >>> Length(1, 0.5).words("wave")
            ['schedule.epochs=1', 'schedule.waves=1', 'trainer.limit_train_batches=0.5']
        """
        if schedule == "custom":
            raise ConfigError("schedule=custom: it has no schedule.epochs, so it cannot be fitted to minutes")
        waves = [f"schedule.waves={self.epochs}"] if schedule == "wave" else []
        limit = [] if self.share is None else [f"trainer.limit_train_batches={self.share:g}"]
        return [f"schedule.epochs={self.epochs}", *waves, *limit]


class Calibrations:
    """What has been measured for the runs of a study, kept beside its results: all seeds shall train equally long.

    Args:
        folder: Of the study's results.
        machine: Where the runs train; times of another machine count for nothing.
    """

    def __init__(self, folder: Path, machine: str | None = None) -> None:
        self._path, self._machine = folder / FILE, machine or machine_name()

    def get(self, run: str, settings: Sequence[str]) -> Calibration | None:
        """Give what is known of a run; None if it has not been measured on this machine with these settings.

        What another run took that differs by its learning rates alone is known of this one, too.

        Raises:
            DataError: If the file cannot be read.
        """
        runs = self._read().get(self._machine, {})
        for known in (runs.get(run), *runs.values()):
            if known is not None and _taking_time(shlex.split(str(known["settings"]))) == _taking_time(settings):
                return Calibration(**{field.name: float(known[field.name]) for field in fields(Calibration)})
        return None

    def put(self, run: str, settings: Sequence[str], calibration: Calibration) -> None:
        """Keep what has been measured."""
        known = self._read()
        known.setdefault(self._machine, {})[run] = {"settings": shlex.join(settings), **asdict(calibration)}
        text = json.dumps(known, indent=1)
        write_whole(self._path, lambda file: file.write((text + "\n").encode()))

    def _read(self) -> dict[str, Any]:
        try:
            known = read_plain(self._path)
            for run in (run for runs in known.values() for run in runs.values()):
                [shlex.split(str(run["settings"])), *(float(run[field.name]) for field in fields(Calibration))]
            return known
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError, KeyError, TypeError, OverflowError) as error:
            raise DataError(f"{self._path}: cannot be read; take it away to measure again") from error


def _taking_time(settings: Sequence[str]) -> list[str]:
    """Leave out what makes no step longer."""
    return [word for word in settings if not word.startswith(("optimizer.lr=", "optimizer.warm_up="))]
