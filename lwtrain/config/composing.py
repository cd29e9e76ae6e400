"""Lets Hydra put the files of conf/ together, and lays the settings of a command line over them."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lwtrain.config.files import conf_dir
from lwtrain.config.foreign_code import find_code, is_allowed, shipped_choices
from lwtrain.config.launchers import without_extra
from lwtrain.config.wording import shown
from lwtrain.config.words import Given

_ASIDE = ("full_key:", "Config search path:", "To append", "See https://", "object_type=")  # what follows a message
_ABSENT = object()
_NOWHERE = "hydra.searchpath=[]"  # in the place of what a file of the user's may say


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
        self._config_name, self._folders = config_name, folders
        self._bases: dict[tuple[str, ...], DictConfig | None] = {}
        self.added: set[str] = set()  # the settings so far that no YAML file has a value for

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Have Hydra at hand, without which nothing can be composed."""
        with _hydra_at_hand(self._folders):
            yield

    def compose(self, combination: Sequence[Given], mistakes: list[str]) -> Composed | None:
        """Compose one run's config; None, and a line more in `mistakes`, if that cannot be done."""
        base = self.compose_files(combination, mistakes)
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

    def compose_files(self, combination: Sequence[Given], mistakes: list[str]) -> DictConfig | None:
        """Compose files alone, and if Hydra refuses say which word is to blame and go on without it."""
        files = tuple(given.text for given in combination if given.kind != "setting")
        if files not in self._bases:
            base = self._attempt(files)
            if isinstance(base, Exception):
                wrong = self._at_fault(files)
                wrong = wrong or {" ".join(files) or self._config_name: base}
                mistakes.extend(f"{word}: {without_extra(word) or _first_line(error)}" for word, error in wrong.items())
                base = self._attempt(tuple(word for word in files if word not in wrong))
            self._bases[files] = None if isinstance(base, Exception) else base
            if not isinstance(base, Exception):
                of_user = self._folders or self._config_name != "train"
                if of_user:
                    mistakes.extend(self._led_astray())
                if not is_allowed() and (of_user or any(given.kind == "hydra" for given in combination)):
                    mistakes.extend(find_code(base.hydra, _shipped(*shipped_choices(base.hydra))))
        return self._bases[files]

    def _at_fault(self, files: Sequence[str]) -> dict[str, Exception]:
        """Say which words Hydra refuses by themselves, and how; Hydra's own settings beside Hydra's own choices."""
        wrong: dict[str, Exception] = {}
        for word in sorted(files, key=lambda word: word.startswith("hydra.")):
            beside = [other for other in files if other.startswith("hydra/") and other not in wrong]
            outcome = self._attempt((*beside, word) if word.startswith("hydra.") else (word,))
            if isinstance(outcome, Exception):
                wrong[word] = outcome
        return wrong

    def _led_astray(self) -> Iterator[str]:
        """Complain of a starting file that names places of further ones: Hydra would import those that are packages."""
        loader: Any = GlobalHydra.instance().config_loader()
        _, files = loader._parse_overrides_and_create_caching_repo(self._config_name, [_NOWHERE])
        start = files.load_config(self._config_name)
        if start is not None and (places := OmegaConf.select(start.config, "hydra.searchpath")):
            yield f"{self._config_name}.yaml: hydra.searchpath={shown(list(places))}: name a folder with --config-dir"

    def _attempt(self, files: Sequence[str]) -> DictConfig | Exception:
        try:
            config = compose(self._config_name, [_NOWHERE, *files], return_hydra_config=True)
        except Exception as error:  # YAML fails in any way over some of its tags: IndexError, KeyError, ...
            return error
        OmegaConf.set_struct(config, False)
        return config


@cache
def _shipped(*choices: str) -> DictConfig:
    """Give Hydra's part as it is without the user's words and files, but for the choices in its own groups."""
    with _hydra_at_hand():
        try:
            return compose("train", [*choices], return_hydra_config=True).hydra
        except HydraException:  # only the user's files have these
            return compose("train", return_hydra_config=True).hydra


@contextmanager
def _hydra_at_hand(folders: Sequence[Path] = ()) -> Iterator[None]:
    """Set Hydra up with conf/ and other folders as the command line does, whether or not it is set up already."""
    instance = GlobalHydra.instance()
    before, instance.hydra = instance.hydra, None
    try:
        with initialize_config_dir(str(conf_dir()), job_name="lwtrain", version_base="1.3"):
            loader: Any = instance.config_loader()
            places = loader.get_search_path()
            schemas = places.get_path().pop()  # have to come last
            for folder in folders:
                places.append("command-line", f"file://{folder.absolute()}")
            places.get_path().append(schemas)
            loader.repository.initialize_sources(places)
            yield
    finally:
        GlobalHydra.instance().hydra = before  # Hydra has put another one in its place


def _first_line(error: Exception) -> str:
    """Say what Hydra says, without the hints that only its own users can follow."""
    lines = str(error.__cause__ or error).splitlines()
    return " ".join(" ".join(takewhile(lambda line: not line.strip().startswith(_ASIDE), lines)).split())
