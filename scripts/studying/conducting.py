"""Carries out the trainings of a study: each goes on where it stopped, and its result is kept."""

import math
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, overload

from lwtrain.config.words import quoted
from lwtrain.errors import ConfigError, DataError, TrainingError
from lwtrain.failures import read_failure
from lwtrain.plain_files import read_plain
from studying.budgets import PROBE, Calibration, Calibrations, Length
from studying.processes import alone, last_lines, train
from studying.study import TEACHER, key_of
from studying.trials import Trial, changes
from tabulating.record import check_record, keep, record

_CALIBRATING = ("trainer.limit_test_batches=1", "layer.store=false")
_GLIMPSE = 60.0  # seconds: enough to see how quick the machine is at the moment
_ALMOST = 0.98  # the Trainer's clock starts a little before the run's own


@dataclass(frozen=True)
class Conductor:
    """Trains what has no result yet.

    Args:
        results: The folder for the study's results.
        outputs: Where its runs have their folders.
    """

    results: Path
    outputs: Path

    def is_done(self, trial: Trial) -> bool:
        """Whether there is a result.

        Raises:
            ConfigError: If train.py would refuse the trial's settings, or the result was made with others.
            DataError: If the result cannot be read.
        """
        path = self.results / trial.file
        _words_of(trial, Length(1))  # looks at the settings, too
        if not path.exists():
            return False
        try:
            kept = check_record(read_plain(path))["config"]
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not a result that can be read ({error})") from error
        if other := changes(trial, kept):
            raise ConfigError(
                f"{path}: made with {', '.join(other)}; take it and {self._folder(trial)} away to train anew"
            )
        return True

    def words(self, trial: Trial) -> list[str]:
        """Give the words of the trial's command as far as they are known; a budget's may have to be measured first."""
        place = f"hydra.run.dir={_written(self._folder(trial))}"
        if trial.minutes is None:
            return [*self._settings(trial), place]
        calibration = Calibrations(self.results).get(trial.run.name, trial.study.words(trial.run))
        length = ["schedule.epochs=MEASURED"] if calibration is None else self._length(trial, calibration)
        return [*self._settings(trial, length), place]

    def carry_out(self, trial: Trial) -> dict[str, Any]:
        """Train, or go on training, and keep the result.

        Raises:
            ConfigError: If a budget is too short.
            DataError: If there is another run in the trial's folder, or its teacher has not been trained.
            TrainingError: If the training fails; with its last lines.
        """
        folder = self._folder(trial)
        if trial.teacher and not _is_finished(self._folder(trial.teacher)):
            raise DataError(f"its teacher's run is not in {self._folder(trial.teacher)}; train it there first")
        length = self._measured_length(trial)
        with alone(self._log(folder)) as log:
            if not _is_finished(folder):
                self._train([*self._settings(trial, length), f"hydra.run.dir={_written(folder)}"], folder, log)
            kept = _by_name(record(folder), trial)
        if other := changes(trial, kept["config"]):
            raise DataError(f"{folder}: it holds a run with {', '.join(other)}; take it away to train anew")
        budget = {} if trial.minutes is None else {"minutes": trial.minutes}
        kept = {"study": trial.study.name, "run": trial.run.name, **budget, **kept}
        keep(kept, self.results / trial.file)
        return kept

    def _settings(self, trial: Trial, length: Sequence[str] = ()) -> list[str]:
        """Give all settings of a trial, its teacher's folder among them; `length` are those that fill the budget."""
        teacher = [f"{TEACHER}={_written(self._folder(trial.teacher))}"] if trial.teacher else []
        return [*trial.words(length), *teacher]

    def _length(self, trial: Trial, calibration: Calibration) -> list[str]:
        assert trial.minutes is not None
        return _words_of(trial, calibration.fill(60 * trial.minutes))

    def _measured_length(self, trial: Trial) -> list[str]:
        return [] if trial.minutes is None else self._length(trial, self._calibration(trial))

    def _calibration(self, trial: Trial) -> Calibration:
        """Give how long a run takes, which is measured where it is not known."""
        known = Calibrations(self.results)
        run, settings = trial.run.name, trial.study.words(trial.run)
        calibration = known.get(run, settings)
        if calibration is None:
            print(f"{run}: measuring how long an epoch takes", flush=True)
            calibration = self._calibrate(trial)
            known.put(run, settings, calibration)
        return calibration

    def _calibrate(self, trial: Trial) -> Calibration:
        """Measure a run between two measurements of the one that it is compared with.

        A machine is quicker at one time than at another, and what is compared shall meet the same speed. So these are
        the times that the run would have taken when the other was measured for good.
        """
        if trial.rival is None:
            return self._measure(trial)
        yardstick = self._calibration(trial.rival)
        share = max(PROBE, round(_GLIMPSE / yardstick.first, 3))
        glimpse = Length(1, share if share < 1 else None)  # a limit of 1 would be a single batch
        before = self._timed(trial.rival, glimpse)
        measured = self._measure(trial)
        after = self._timed(trial.rival, glimpse)
        return measured.times(2 * yardstick.first / (before.first + after.first))

    def _measure(self, trial: Trial) -> Calibration:
        """Time an epoch of every layer; where that is longer than all budgets, a part of one."""
        epochs = 2 if trial.config.schedule.name == "sequential" else 1  # whose further epochs take longer
        whole = self._timed(trial, Length(epochs), patience=60 * max(trial.study.minutes))
        return whole or self._timed(trial, Length(epochs, PROBE))

    @overload
    def _timed(self, trial: Trial, length: Length) -> Calibration: ...

    @overload
    def _timed(self, trial: Trial, length: Length, patience: float) -> Calibration | None: ...

    def _timed(self, trial: Trial, length: Length, patience: float = math.inf) -> Calibration | None:
        """Measure, and give up after `patience` seconds."""
        folder = self.outputs / trial.run.name / "calibration"
        with alone(self._log(folder)) as log:
            shutil.rmtree(folder, ignore_errors=True)  # a measurement that was broken off is made again
            limit = [f"trainer.max_time={_as_time(patience)}"] if math.isfinite(patience) else []
            words = [*self._settings(trial, _words_of(trial, length)), *_CALIBRATING, *limit]
            self._train([*words, f"hydra.run.dir={_written(folder)}"], folder, log)
            metrics = read_plain(folder / "metrics.json")
            # The epoch in which trainer.max_time strikes may count as trained, so the time is looked at, too.
            whole = metrics["epochs"]["trained"] == metrics["epochs"]["scheduled"]
            in_time = metrics["seconds"] < _ALMOST * patience
            calibration = Calibration.of(folder, length.share or 1.0) if whole and in_time else None
            shutil.rmtree(folder)
        return calibration

    def _train(self, words: Sequence[str], folder: Path, log: IO[bytes]) -> None:
        going_on = (folder / "checkpoints" / "last.ckpt").exists()
        if not going_on and not (folder / "metrics.json").exists():
            shutil.rmtree(folder, ignore_errors=True)  # broken off before its first checkpoint
        if not train([*words, *([f"ckpt_path={_written(folder)}"] if going_on else [])], log):
            raise TrainingError("\n".join([f"failed; {self._log(folder)} ends with", *last_lines(self._log(folder))]))

    def _folder(self, trial: Trial) -> Path:
        return self.outputs / trial.folder

    @staticmethod
    def _log(folder: Path) -> Path:
        return folder.with_name(f"{folder.name}.log")


def _words_of(trial: Trial, length: Length) -> list[str]:
    """Give the settings that make a trial as long as its budget wants it; none where there is no budget."""
    schedule = trial.config.schedule.name
    if trial.minutes is None:
        return []
    try:
        return length.words(schedule)
    except ConfigError as error:
        raise ConfigError(f"{trial.study.name}, run {trial.run.name}: {error}") from error


def _by_name(kept: dict[str, Any], trial: Trial) -> dict[str, Any]:
    """Let a result name its teacher's run, as the study does: where that lay is nothing to keep."""
    if trial.teacher is None:
        return kept
    name = trial.teacher.run.name
    words = [f"{TEACHER}={name}" if key_of(word) == TEACHER else word for word in shlex.split(kept["command"] or "")]
    labelling = kept["config"]["pseudo_labels"] | {"teacher": name}
    return kept | {"command": shlex.join(words), "config": kept["config"] | {"pseudo_labels": labelling}}


def _is_finished(folder: Path) -> bool:
    return (folder / "metrics.json").exists() and read_failure(folder) is None


def _written(folder: Path) -> str:
    """Write a folder so that Hydra takes it as it is."""
    plain = all(sign.isalnum() or sign in "/._-" for sign in str(folder))
    return str(folder) if plain else quoted(folder)


def _as_time(seconds: float) -> str:
    """Write a time as days:hours:minutes:seconds, at least one second.

    Example:
        >>> _as_time(2700), _as_time(0.5)
        ('00:00:45:00', '00:00:00:01')
    """
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days:02}:{hours:02}:{minutes:02}:{rest:02}"
