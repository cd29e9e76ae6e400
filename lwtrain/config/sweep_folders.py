"""The folders of a sweep that is gone on with: which runs are done, and from where the others go on."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lwtrain.config.flattening import flatten
from lwtrain.config.run_folders import METRICS, SETTINGS, changes, holds_checkpoints, is_free, sound_checkpoint
from lwtrain.config.schema import Config
from lwtrain.config.wording import shown
from lwtrain.errors import ConfigError
from lwtrain.failures import read_failure
from lwtrain.plain_files import read_plain

_MEASURED = ("trainer", "vote")  # may change when a run goes on, but its figures follow from them


def made_otherwise(config: Config, folder: Path) -> list[str]:
    """Name what makes `config` another run than the one that lies in a folder.

    Returns:
        A line for each setting, and one that says what to do; nothing if there is no difference, or no run.
    """
    if not holds_checkpoints(folder) and not (folder / METRICS).is_file():
        return []
    lines = [
        f"{name}={shown(now)}: {folder} was made with {name}={shown(then)}"
        for name, (now, then) in changes(config, _read(folder / SETTINGS)).items()
    ]
    return [*lines, "Go on without these changes, or choose another hydra.sweep.dir"] if lines else []


def finished(config: Config, folder: Path) -> Mapping[str, Any]:
    """Give the figures of the run in a folder, if it has ended well and with all settings that they follow from.

    Without a figure it has not. A run that `trainer.max_epochs` has ended has not either, once that is changed.
    """
    metrics = _read(folder / METRICS)
    if not metrics or read_failure(folder) is not None:
        return {}
    now, then = flatten(asdict(config)), flatten(metrics.get("config") or {})
    same = all(
        now[name] == then[name]
        for name in now.keys() & then.keys()
        if not is_free(name) or name.partition(".")[0] in _MEASURED
    )
    return metrics if same else {}


def continued(config: Config, folder: Path) -> tuple[Config, str | None]:
    """Put the checkpoint that lies in a run's folder in the place of ckpt_path=auto, or none if there is none.

    Returns:
        The config, and what a user should know of a checkpoint that is damaged.

    Raises:
        ConfigError: If the run there was made with other settings, or all its checkpoints are damaged.
    """
    if mistakes := made_otherwise(config, folder):
        raise ConfigError("\n".join(mistakes))
    if not holds_checkpoints(folder):
        return replace(config, ckpt_path=None), None
    checkpoint, damaged = sound_checkpoint(folder)
    note = None if damaged is None else f"{damaged}: missing or damaged; going on from {checkpoint.name}"
    return replace(config, ckpt_path=str(checkpoint.resolve())), note


def _read(path: Path) -> dict[str, Any]:
    """Read a mapping; what is not there, or was broken off, says nothing."""
    try:
        content = read_plain(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
