"""Whether a search can be carried out as it is asked for, and is the one that lies in its folder. No optuna in here."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from lwtrain.config.run_folders import SETTINGS, changes
from lwtrain.config.schema import Config
from lwtrain.config.search_space import SAMPLERS, SEARCH, SPACE, read_space
from lwtrain.config.wording import shown
from lwtrain.config.words import Word
from lwtrain.plain_files import read_plain
from lwtrain.registry import choices_hint

_DERIVED = ("batches", "map")  # what their `auto` comes to follows from what is searched, perhaps
_REMEDY = "Go on without these changes, or choose another hydra.sweep.dir"


def is_search(hydra: DictConfig) -> bool:
    """Whether Hydra's part of a config looks for the best settings, and does not try all that are listed."""
    return hydra.runtime.choices.get("hydra/sweeper") == SEARCH


def mistakes_of_search(hydra: DictConfig, words: Sequence[Word], configs: Sequence[Config | None]) -> list[str]:
    """Say what is wrong with a multirun as a search, or with intervals where nothing is searched.

    Args:
        hydra: Hydra's part of the first run's config.
        words: Those of the command line, and those of YAML files' lists.
        configs: Of the runs that were looked at; None for one that is mistaken.
    """
    if not is_search(hydra):
        remedy = "an interval can only be searched; add hparams_search=optuna, or list values"
        return [f"{word.text}: {remedy}" for word in words if word.interval is not None]
    found = []
    if find_spec("optuna") is None:
        found.append("hparams_search: needs optuna, which is not installed; pip install 'lwtrain[sweeps]'")
    if not any(len(word.runs) > 1 for word in words):
        found.append("hparams_search: there is nothing to search; give some setting several values, or an interval")
    if any(config is not None and config.validation == "test" for config in configs):
        found.append("validation=test: not with hparams_search, which would choose by the test images")
    settings = hydra.sweeper
    for name, least in (("trials", 1), ("seed", 0)):
        if not isinstance(settings[name], int) or isinstance(settings[name], bool) or settings[name] < least:
            found.append(f"hydra.sweeper.{name}={shown(settings[name])}: choose a whole number of at least {least}")
    if settings.sampler not in SAMPLERS:
        found.append(f"hydra.sweeper.sampler={shown(settings.sampler)}: {choices_hint(settings.sampler, [*SAMPLERS])}")
    return found


def searched_otherwise(folder: Path, params: Mapping[str, str], words: Sequence[Word], config: Config) -> list[str]:
    """Name what makes this search another one than that in its folder, of which it would go on.

    Args:
        folder: The search's.
        params: What YAML files list.
        words: Those of the command line.
        config: Of any trial.

    Returns:
        A line for each setting, and one that says what to do; nothing if there is no difference, or no search.
    """
    then = _read(folder / SPACE)
    if not then:
        return []
    now = read_space([*(f"{key}={values}" for key, values in params.items()), *(word.text for word in words)]).texts
    lines = [
        f"{key}={now.get(key, 'as it stands')}: {folder} was searched with {key}={then.get(key, 'as it stood')}"
        for key in dict.fromkeys([*now, *then])
        if now.get(key) != then.get(key)
    ]
    if not lines:
        free = {*now, *_DERIVED}
        lines = [
            f"{name}={shown(value)}: {folder} was searched with {name}={shown(before)}"
            for name, (value, before) in changes(config, _read(folder / "0" / SETTINGS)).items()
            if not free & {name, name.partition(".")[0]}
        ]
    return [*lines, _REMEDY] if lines else []


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_plain(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
