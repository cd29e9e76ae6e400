"""Keeps code out of settings: Hydra calls what its own part of a config names, so that part stays as it is shipped.

Settings of lwtrain itself cannot name code anyway: choices go by name, and what the schemas do not know is refused.
"""

import os
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lwtrain.config.launchers import LAUNCHERS
from lwtrain.config.wording import shown

OPT_IN = "LWTRAIN_ALLOW_CODE"
SWEEPERS = ("basic", "search")

_WHY = f"it can run code; leave it out, or set {OPT_IN}=1 if you trust who wrote it"
_ABSENT = object()
_MARK = "_target_"  # Hydra calls what it finds under this key
_AS_SHIPPED = ("callbacks", "hydra_logging", "job_logging")  # logging calls what stands under class and (), too
_TUNED = ("launcher", "sweeper")
_RUN = ("launcher.python", "launcher.pre_dispatch")  # an interpreter, and a text that old versions of joblib evaluate


def names_code(key: str) -> bool:
    """Whether a setting would name something to be called.

    Example:
        >>> names_code("hydra.callbacks.mine._target_"), names_code("model.width")
        (True, False)
    """
    return _MARK in key.replace("/", ".").split(".")


def is_allowed() -> bool:
    """Whether the user has opted in to code from settings."""
    return os.environ.get(OPT_IN) == "1"


def shipped_choices(hydra: DictConfig) -> list[str]:
    """Give the words that choose in Hydra's own groups what a config has, where it can run something."""
    groups = ("hydra_logging", "job_logging", *_TUNED)
    chosen = {group: hydra.runtime.choices.get(f"hydra/{group}") for group in groups}
    names = {
        group: choice for group, choice in chosen.items() if str(choice).isidentifier()
    }  # a path leads to any file
    return [f"hydra/{group}={choice}" for group, choice in names.items() if choice is not None]


def find_code(hydra: DictConfig, shipped: DictConfig) -> list[str]:
    """Compare Hydra's part of a config with what it is without the user's own words and files.

    Compared is what is written, not what interpolations make of it, as that may change from run to run.

    Args:
        hydra: Of the config to be run.
        shipped: Of one with the same `shipped_choices`, and nothing else.

    Returns:
        A line for each part of Hydra's that is not as shipped.
    """
    now, ours = (_leaves(OmegaConf.to_container(part, resolve=False)) for part in (hydra, shipped))
    found: dict[str, str] = {}
    for group, known in (("launcher", LAUNCHERS), ("sweeper", SWEEPERS)):
        choice = hydra.runtime.choices.get(f"hydra/{group}")
        if choice is not None and choice not in known:
            found[group] = f"hydra/{group}={shown(choice)}: {_WHY}. Choices: {', '.join(known)}"
    for path in sorted(now, key=lambda path: not names_code(".".join(path))):
        if ours.get(path, _ABSENT) != now[path] and not _is_harmless(path, now[path], path in ours):
            found.setdefault(path[0], f"hydra.{'.'.join(path)}={shown(now[path])}: {_WHY}")
    return list(found.values())


def _leaves(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """List what is in nested mappings by the keys that lead there, dots in keys and all."""
    if not isinstance(value, Mapping):
        return {path: value}
    return {place: leaf for key, inner in value.items() for place, leaf in _leaves(inner, (*path, str(key))).items()}


def _is_harmless(path: tuple[str, ...], value: Any, is_known: bool) -> bool:
    """Whether a value that is not the shipped one cannot run anything."""
    part, name = path[0], ".".join(path)
    if path[-1] == "level" and isinstance(value, str) and value.isalpha():  # of logging
        return True
    if part in _AS_SHIPPED or names_code(name) or name.startswith("job.env_set."):  # PATH, PYTHONPATH, LD_PRELOAD
        return False
    if part not in _TUNED:
        return True
    is_plain = value is None or isinstance(value, (bool, int, float)) or _is_plain(value)
    return is_plain and name not in _RUN and (is_known or path[:2] == ("sweeper", "params"))


def _is_plain(value: Any) -> bool:
    """Whether it is a text that stays one: an interpolation can become a mapping, a line break end a job's comment."""
    return isinstance(value, str) and value.isprintable() and not value.startswith("${")
