"""Who makes the runs of a multirun: Hydra itself, one after the other, or what an extra brings, side by side."""

import shutil
from importlib.util import find_spec

from hydra.conf import HydraConf
from omegaconf import DictConfig

from lwtrain.config.wording import shown

_EXTRAS = {"joblib": "sweeps", "submitit_local": "clusters", "submitit_slurm": "clusters"}
_PLUGINS = {"sweeps": "hydra_joblib_launcher", "clusters": "hydra_submitit_launcher"}

LAUNCHERS = ("basic", *_EXTRAS)


def without_extra(word: str) -> str | None:
    """Say what has to be installed for a word such as "hydra/launcher=joblib"; None if nothing has.

    Raises nothing, whatever the word is.
    """
    group, _, launcher = word.partition("=")
    extra = _EXTRAS.get(launcher) if group == "hydra/launcher" else None
    if extra is None or (find_spec("hydra_plugins") and find_spec(f"hydra_plugins.{_PLUGINS[extra]}")):
        return None
    return f"not installed; pip install 'lwtrain[{extra}]'"


def mistakes_of_launcher(hydra: DictConfig, *, multirun: bool, starts: bool) -> list[str]:
    """Say what is wrong with the launcher that was chosen.

    Args:
        hydra: Hydra's part of the first run's config.
        multirun: Whether it would be used at all.
        starts: Whether the runs are to begin now, on this machine.
    """
    name = hydra.runtime.choices.get("hydra/launcher")
    if name not in _EXTRAS:
        return []
    setting = f"hydra/launcher={name}"
    if not multirun:
        return [f"{setting}: it starts the runs of a multirun; put -m first, or leave it out"] if starts else []
    found = [
        f"hydra.launcher.{part}={shown(hydra.launcher[part])}: choose 1; a run that shares its data among processes is "
        "started by sbatch (docs/clusters.md)"
        for part in ("nodes", "tasks_per_node")
        if hydra.launcher.get(part, 1) != 1
    ]
    if starts and name == "submitit_slurm" and shutil.which("srun") is None:
        found.append(f"{setting}: there is no SLURM here (srun is missing); start it where jobs are submitted")
    return found


def may_be_requeued(hydra: HydraConf) -> bool:
    """Whether a run may be the second start of a job, which was preempted or out of time and is then queued again.

    The folder held no runs when the job was queued first, so what lies in it is the job's own.
    """
    return str(hydra.runtime.choices.get("hydra/launcher")).startswith("submitit_")


def end_with_the_program(hydra: DictConfig) -> bool:
    """Whether a multirun's runs end when the program that has started them is stopped: not in a cluster's queue."""
    return hydra.runtime.choices.get("hydra/launcher") != "submitit_slurm"
