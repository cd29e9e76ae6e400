"""Looks for the best settings: optuna proposes some, Hydra's launcher makes the runs, optuna is told what came of them.

Of Hydra's own plugin for optuna the last release wants an optuna of 2021.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from lwtrain.best_settings import write_best
from lwtrain.config.search_space import SPACE, Dimension, Interval, read_space
from lwtrain.files import write_whole

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

TRIALS = "trials.log"  # in the search's folder: what optuna knows, a line for each event


class Search(Sweeper):
    """Makes runs one after the other, or as many at once as the launcher does, each with what seems best to try next.

    The trial of number k is the run in folder k. What is proposed for it follows from the seed, k, and the trials that
    had ended by then: a search that was stopped goes on as if it had not been, as long as one run is made at a time.

    Args:
        trials: How many runs, failed ones included.
        sampler: Who proposes: tpe or random.
        seed: Fixes what is proposed.
        params: What YAML files list: values by setting.
    """

    def __init__(self, trials: int, sampler: str, seed: int, params: dict[str, str] | None = None) -> None:
        self._trials, self._sampler, self._seed, self._params = trials, sampler, seed, dict(params or {})
        self._config: DictConfig | None = None
        self._launcher: Launcher | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra has at hand."""
        self.hydra_context, self._config = hydra_context, config
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Make all trials that are left, then write down the best.

        Raises:
            CompactHydraException: If no trial has succeeded.
        """
        assert self._config is not None
        assert self._launcher is not None
        folder = Path(self._config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self._config, folder / "multirun.yaml")
        space = read_space([*(f"{key}={values}" for key, values in self._params.items()), *arguments])
        text = yaml.safe_dump(space.texts, sort_keys=False, allow_unicode=True)
        write_whole(folder / SPACE, lambda file: file.write(text.encode()))
        study = open_study(folder)
        while batch := self._next(study, space.dimensions):
            jobs = [[*space.fixed, *(f"{key}={value}" for key, value in trial.params.items())] for trial in batch]
            for trial, job in zip(batch, self._launcher.launch(jobs, initial_job_idx=batch[0].number), strict=True):
                _tell(study, trial, job)
        self._conclude(study, folder, space.fixed)

    def _next(self, study: "Study", dimensions: dict[str, Dimension]) -> list["FrozenTrial"]:
        """Give the trials to be made at once, numbered one by one: those that were stopped, then new ones."""
        from optuna.trial import TrialState

        stopped = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        for trial in [
            trial for trial in stopped if len(trial.params) < len(dimensions)
        ]:  # killed while it was proposed
            study.tell(trial.number, state=TrialState.FAIL)
            stopped.remove(trial)
        if stopped:
            row = [trial for place, trial in enumerate(stopped) if trial.number == stopped[0].number + place]
            return row[: self._at_once()]
        known = len(study.get_trials(deepcopy=False))
        numbers = range(known, min(known + self._at_once(), self._trials))
        for number in numbers:
            study.sampler = _sampler(self._sampler, self._seed, number)
            study.ask({key: _distribution(dimension) for key, dimension in dimensions.items()})
        return study.get_trials(deepcopy=False)[known:]

    def _at_once(self) -> int:
        """How many runs the launcher makes side by side."""
        assert self._config is not None
        wanted = self._config.hydra.launcher.get("n_jobs") or 1  # of joblib
        if wanted > 0:
            return int(wanted)
        from joblib import effective_n_jobs

        return int(effective_n_jobs(wanted))

    def _conclude(self, study: "Study", folder: Path, fixed: Sequence[str]) -> None:
        from optuna.trial import TrialState

        if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            raise CompactHydraException(f"{folder}: no trial has succeeded")
        best = study.best_trial
        words = [*fixed, *(f"{key}={value}" for key, value in best.params.items())]
        command = write_best(folder, words, f"run {best.number} of {len(study.trials)}", float(best.value or 0.0))
        console = Console(highlight=False)
        accuracy = f"vote/val/accuracy {best.value:.2%}"
        for line in (
            f"best of {len(study.trials)}   run {best.number}, {accuracy}",
            f"             lwtrain {command}",
            f"             lwtrain --config-dir {folder} experiment=best",
        ):
            console.print(line, markup=False, soft_wrap=True)


def register() -> None:
    """Tell Hydra of the search by the name that conf/hydra/sweeper/search.yaml has for it.

    Hydra wants plugins to lie in a package `hydra_plugins`, and would import one at the start of every program.
    """
    Plugins.instance().class_name_to_class["hydra_plugins.lwtrain.Search"] = Search


def open_study(folder: Path) -> "Study":
    """Open what optuna knows of the search in a folder, or begin to know.

    A last line that a kill has cut short is dropped, and so is the lock of a process that is no more.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = folder / TRIALS
    if file.exists():
        content = file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_whole(file, lambda mended: mended.write(whole))
    Path(f"{file}.lock").unlink(missing_ok=True)
    storage = JournalStorage(JournalFileBackend(str(file)))
    return optuna.create_study(storage=storage, study_name="lwtrain", direction="maximize", load_if_exists=True)


def _sampler(name: str, seed: int, number: int) -> "BaseSampler":
    """Make what proposes a trial, anew for each: its random numbers are then the same after a stop."""
    from numpy.random import SeedSequence
    from optuna.samplers import RandomSampler, TPESampler

    own = int(SeedSequence([seed, number]).generate_state(1)[0])
    return RandomSampler(seed=own) if name == "random" else TPESampler(seed=own)


def _distribution(dimension: Dimension) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(dimension, Interval):
        return CategoricalDistribution(dimension)
    low, high, log, step = dimension
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log, step=step)
    return FloatDistribution(low, high, log=log)


def _tell(study: "Study", trial: "FrozenTrial", job: JobReturn) -> None:
    """Tell optuna what a run came to; one that failed, or has no accuracy, tells it nothing but that."""
    from optuna.trial import TrialState

    value = job._return_value if job.status is JobStatus.COMPLETED else None
    if isinstance(value, float) and value == value:
        study.tell(trial.number, value)
    else:
        study.tell(trial.number, state=TrialState.FAIL)
