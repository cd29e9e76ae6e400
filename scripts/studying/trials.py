"""One training of a study: a run with one seed and, where the study has budgets, one of these."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lwtrain.config.loading import load_config
from lwtrain.config.schema import Config
from lwtrain.config.wording import shown
from lwtrain.errors import ConfigError
from studying.study import SET_BY_BUDGET, TEACHER, Study, StudyRun
from tabulating.rows import telling_settings


@dataclass(frozen=True)
class Trial:
    """A training of a study.

    Attributes:
        minutes: Its budget of training time; None where its settings say how long it trains.
    """

    study: Study
    run: StudyRun
    seed: int
    minutes: float | None = None

    @property
    def name(self) -> str:
        """What it is called on the screen."""
        return ", ".join([self.run.name, *self._budget(" "), f"seed {self.seed}"])

    @property
    def folder(self) -> Path:
        """Where it trains, below the study's own folder."""
        return Path(self.run.name, *self._budget("-"), f"seed-{self.seed}")

    @property
    def file(self) -> str:
        """What the file of its result is called."""
        return f"{'_'.join([self.run.name, *self._budget('-'), f'seed-{self.seed}'])}.json"

    @property
    def rival(self) -> "Trial | None":
        """The trial that its difference is taken to; None where it stands alone."""
        (against,) = (run for run in self.study.runs if run.name == self.run.against)
        return None if against == self.run else replace(self, run=against)

    @property
    def teacher(self) -> "Trial | None":
        """The trial whose network labels images for this one; None where none does."""
        runs = [run for run in self.study.runs if run.name == self.run.teacher]
        return replace(self, run=runs[0]) if runs else None

    def _budget(self, space: str) -> list[str]:
        return [] if self.minutes is None else [f"{self.minutes:g}{space}min"]

    def words(self, length: Sequence[str] = ()) -> list[str]:
        """Give all its settings; `length` are those that fill the budget."""
        return [*self.study.words(self.run), *length, f"seed={self.seed}"]

    @property
    def config(self) -> Config:
        """Its settings, checked, without what fills the budget; the seed is 0, and a teacher goes by its run's name.

        Raises:
            ConfigError: If train.py refuses them; in one line.
        """
        words, teacher = self.study.words(self.run), self.run.teacher
        try:
            if teacher is None:
                return _config(tuple(words))
            config = _config((*words, f"{TEACHER}=vote"))  # for now: the other run need not have been trained yet
            return replace(config, pseudo_labels=replace(config.pseudo_labels, teacher=teacher))
        except ConfigError as error:
            raise ConfigError(
                f"{self.study.name}, run {self.run.name}: {'; '.join(str(error).splitlines())}"
            ) from error


@cache
def _config(words: tuple[str, ...]) -> Config:
    return load_config(words)  # takes a third of a second: once for all seeds and budgets


def trials(
    study: Study,
    seeds: Sequence[int] | None = None,
    only: Sequence[str] | None = None,
    minutes: Sequence[float] | None = None,
) -> list[Trial]:
    """List what is to be trained: all runs with the first seed, the smallest budget before the others, then the next.

    Args:
        study: What is asked.
        seeds: Only these of its seeds.
        only: Only these of its runs, by name.
        minutes: Only these of its budgets.

    Raises:
        ConfigError: If the study has not got one of them.
    """
    names = [run.name for run in study.runs]
    for option, chosen, there in (
        ("--seeds", seeds, study.seeds),
        ("--only", only, names),
        ("--minutes", minutes, study.minutes),
    ):
        for value in chosen or ():
            if value not in there:
                choices = ", ".join(f"{choice:g}" if isinstance(choice, float) else str(choice) for choice in there)
                there_are = f"choose from {choices}" if choices else "it has none"
                raise ConfigError(f"{option} {shown(value)}: not in {study.name}; {there_are}")
    return [
        Trial(study, run, seed, budget)
        for seed in study.seeds
        if seeds is None or seed in seeds
        for budget in study.budgets
        if minutes is None or budget in minutes
        for run in study.runs
        if only is None or run.name in only
    ]


def command(words: Sequence[str]) -> str:
    """Write the words as one types them."""
    return shlex.join(["python", "train.py", *words])


def changes(trial: Trial, made_with: Mapping[str, Any]) -> list[str]:
    """Name the settings that a result was made with and the trial has not got; how long a budget lasts is not asked."""
    now, then = telling_settings(json.loads(json.dumps(asdict(trial.config)))), telling_settings(made_with)
    free = SET_BY_BUDGET if trial.minutes else ()
    return [
        f"{name}={shown(then[name])}" for name in now if name in then and name not in free and now[name] != then[name]
    ]
