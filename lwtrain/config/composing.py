"""Lets Hydra put the files of conf/ together, and lays the settings of a command line over them."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lwtrain.config.files import conf_dir
from lwtrain.config.words import Given, quoted

_ASIDE = ("full_key:", "Config search path:", "To append", "See https://", "object_type=")  # what follows a message
_ABSENT = object()


class Composed(NamedTuple):
    """What one run is made of."""

    values: dict[str, Any]  # without those that lead nowhere
    dangling: set[str]  # the names of those
    hydra: DictConfig  # Hydra's own part


def plain_values(config: DictConfig, mistakes: list[str]) -> dict[str, Any]:
    """Resolve interpolations such as `${data_dir}/other`, and leave out what refers to something that is not there."""
    values: dict[str, Any] = {}
    for key in config:
        try:
            value = "???" if OmegaConf.is_missing(config, key) else config[key]
            values[str(key)] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        except OmegaConfBaseException as error:
            mistakes.append(f"{error.full_key or str(key)}: {_first_line(error)}")
    return values


def swept_in(run: Composed) -> dict[str, str]:
    """Give what YAML files want tried one after the other, such as {"labels": "100,1000"}."""
    params = OmegaConf.select(run.hydra, "sweeper.params")
    return {} if params is None else {str(key): str(values) for key, values in params.items()}


class Composer:
    """Composes one combination of words after the other, and reads files again only where a choice differs.

    Settings that do not exist are composed as well: it takes a schema to tell what they were meant to be.
    """

    def __init__(self, config_name: str = "train", folders: Sequence[Path] = ()) -> None:
        self._config_name = config_name
        places = ",".join(quoted(f"file://{folder.absolute()}") for folder in folders)
        self._search = [f"hydra.searchpath=[{places}]"] if folders else []
        self._bases: dict[tuple[str, ...], DictConfig | None] = {}
        self.added: set[str] = set()  # the settings so far that no YAML file has a value for

    def compose(self, combination: Sequence[Given], mistakes: list[str]) -> Composed | None:
        """Compose one run's config; None, and a line more in `mistakes`, if that cannot be done."""
        base = self._base(tuple(given.text for given in combination if given.kind != "setting"), mistakes)
        if base is None:
            return None
        config = copy.deepcopy(base)
        del config["hydra"]
        for given in combination:
            if given.kind == "setting":
                try:
                    if OmegaConf.select(config, given.key, default=_ABSENT) is _ABSENT:
                        self.added.add(given.key)
                    OmegaConf.update(config, given.key, given.value, merge=True, force_add=True)
                except (OmegaConfBaseException, ValueError, TypeError) as error:
                    mistakes.append(f"{given.text}: {_first_line(error)}")
        values = plain_values(config, mistakes)
        return Composed(values, {str(key) for key in config} - values.keys(), base.hydra)

    def _base(self, files: tuple[str, ...], mistakes: list[str]) -> DictConfig | None:
        """Compose files alone, and if Hydra refuses say which word is to blame and go on without it."""
        if files not in self._bases:
            base = self._attempt(files)
            if isinstance(base, Exception):
                outcomes = {word: self._attempt((word,)) for word in files}
                wrong = {word: error for word, error in outcomes.items() if isinstance(error, Exception)}
                wrong = wrong or {" ".join(files) or self._config_name: base}
                mistakes.extend(f"{word}: {_first_line(error)}" for word, error in wrong.items())
                base = self._attempt(tuple(word for word in files if word not in wrong))
            self._bases[files] = None if isinstance(base, Exception) else base
        return self._bases[files]

    def _attempt(self, files: Sequence[str]) -> DictConfig | Exception:
        try:
            config = compose(self._config_name, [*self._search, *files], return_hydra_config=True)
        except (HydraException, OmegaConfBaseException, YAMLError) as error:
            return error
        OmegaConf.set_struct(config, False)
        return config


@contextmanager
def hydra_at_hand() -> Iterator[None]:
    """Have Hydra ready for a `Composer`."""
    with initialize_config_dir(str(conf_dir()), job_name="lwtrain", version_base="1.3"):
        yield


def _first_line(error: Exception) -> str:
    """Say what Hydra says, without the hints that only its own users can follow."""
    lines = str(error.__cause__ or error).splitlines()
    return " ".join(" ".join(takewhile(lambda line: not line.strip().startswith(_ASIDE), lines)).split())
