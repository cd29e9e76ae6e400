"""What a study is, and how studies/NAME.yaml says it."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lwtrain.errors import ConfigError
from lwtrain.plain_files import read_plain
from lwtrain.registry import choices_hint

SET_BY_STUDY = ("seed", "ckpt_path", "hydra")
TEACHER = "pseudo_labels.teacher"
SET_BY_BUDGET = ("schedule.epochs", "schedule.waves", "schedule.visits", "trainer.limit_train_batches")
_OF_RUN = ("settings", "against", "teacher")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")  # of folders and files, and of what Hydra takes without quotes


@dataclass(frozen=True)
class StudyRun:
    """A row of the study: what it is called, and its settings beyond the base."""

    name: str
    settings: tuple[str, ...]
    against: str
    """The run that its difference is taken to; of the first run, and of others that stand alone, its own name."""
    teacher: str | None = None
    """The run before it whose network, trained with the same seed, labels images for this one."""


@dataclass(frozen=True)
class Study:
    """Runs that answer one question together, in the order in which they are read.

    Attributes:
        base: Settings that all share, as words of the command line; those of a run take their place.
        minutes: Budgets of training time, each of which every run gets; none where the settings say how long it trains.
    """

    name: str
    title: str
    text: str
    base: tuple[str, ...]
    seeds: tuple[int, ...]
    runs: tuple[StudyRun, ...]
    minutes: tuple[float, ...] = ()

    @property
    def budgets(self) -> list[float | None]:
        """The budgets, the smallest first; None stands for the one case of a study without."""
        return [*sorted(self.minutes)] or [None]

    def words(self, run: StudyRun) -> list[str]:
        """Give all settings of a run.

        Example:
            >>> run = StudyRun("wide", ("model.width=2", "labels=100"), "wide")
            >>> Study("a", "", "", ("model=vgg8b", "labels=all"), (0,), (run,)).words(run)
            ['model=vgg8b', 'model.width=2', 'labels=100']
        """
        own = {key_of(word) for word in run.settings}
        return [word for word in self.base if key_of(word) not in own] + list(run.settings)


def key_of(word: str) -> str:
    """Name the setting of a word such as `labels=100`."""
    return word.lstrip("+").partition("=")[0]


def study_names(folder: Path) -> list[str]:
    """List the studies there are."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_study(name: str, folder: Path) -> Study:
    """Read `folder/name.yaml`.

    Raises:
        ConfigError: If there is no such study, or its file does not say what it has to; in one line.
    """
    if name not in (names := study_names(folder)):
        raise ConfigError(f"{name}: no such study in {folder}/; {choices_hint(name, names)}")
    try:
        given = read_plain(folder / f"{name}.yaml")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder / name}.yaml: cannot be read: {' '.join(str(error).split())}") from error
    try:
        return _study(name, given)
    except ConfigError as error:
        raise ConfigError(f"{folder / name}.yaml: {error}") from error


def _study(name: str, given: Any) -> Study:
    known = [field.name for field in fields(Study) if field.name != "name"]
    _check_keys("", given, known, optional=("minutes", "base"))
    minutes = _numbers("minutes", given.get("minutes", []), float, at_least=0)
    budgeted = SET_BY_BUDGET if minutes else ()
    runs = _runs(given["runs"], (*SET_BY_STUDY, *budgeted))
    return Study(
        name=name,
        title=_text("title", given["title"]),
        text=_text("text", given["text"]),
        base=_words("base", given.get("base", ""), (*SET_BY_STUDY, *budgeted)),
        seeds=_some("seeds", _numbers("seeds", given["seeds"], int, at_least=-1)),
        runs=runs,
        minutes=minutes,
    )


def _runs(given: Any, taken: Sequence[str]) -> tuple[StudyRun, ...]:
    if not isinstance(given, list):
        raise ConfigError("runs: list them, each as {name: ..., settings: ...}")
    names: list[str] = []
    for number, run in enumerate(given):
        _check_keys(f"runs[{number}]", run, ("name", *_OF_RUN), optional=_OF_RUN)
        if not _NAME.fullmatch(str(run["name"])):
            raise ConfigError(
                f"runs[{number}].name={run['name']}: choose letters, digits, dots, dashes and underscores"
            )
        if str(run["name"]) in names:
            raise ConfigError(f"runs[{number}].name={run['name']}: another run has this name")
        names.append(str(run["name"]))
    _some("runs", names)
    for number, run in enumerate(given):
        for key, there in (("against", names), ("teacher", names[:number])):
            if key in run and str(run[key]) not in there:
                hint = choices_hint(str(run[key]), there) if there else "no run stands before this one"
                raise ConfigError(f"run {run['name']}: {key}={run[key]}: {hint}")
    return tuple(_run(name, run, names[0], taken) for name, run in zip(names, given, strict=True))


def _run(name: str, given: Mapping[str, Any], first: str, taken: Sequence[str]) -> StudyRun:
    taken = [*taken, TEACHER] if "teacher" in given else taken
    settings = _words(f"run {name}: settings", given.get("settings", ""), taken)
    teacher = str(given["teacher"]) if "teacher" in given else None
    return StudyRun(name, settings, str(given.get("against", first)), teacher)


def _check_keys(place: str, given: Any, known: Sequence[str], optional: Iterable[str]) -> None:
    before = f"{place}." if place else ""
    if not isinstance(given, Mapping):
        raise ConfigError(f"{place or 'study'}: write {', '.join(known)}, each with a value")
    for key in given:
        if key not in known:
            raise ConfigError(f"{before}{key}: no such key; {choices_hint(str(key), list(known))}")
    for key in known:
        if given.get(key) is None and key not in optional:
            raise ConfigError(f"{before}{key}: missing")


def _text(key: str, given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ConfigError(f"{key}={given}: write a text")
    return " ".join(given.split())


def _words(key: str, given: Any, taken: Sequence[str]) -> tuple[str, ...]:
    """Read settings as they stand on the command line."""
    if given is not None and not isinstance(given, str):
        raise ConfigError(f"{key}: write settings as on the command line: model=vgg8b schedule=wave")
    try:
        words = tuple(shlex.split(given or ""))
    except ValueError as error:
        raise ConfigError(f"{key}={given}: {error}") from error
    for word in words:
        if any(key_of(word) == name or key_of(word).startswith((f"{name}.", f"{name}/")) for name in taken):
            by = "study, which sets it for each run" if key_of(word) not in SET_BY_BUDGET else "minutes of the study"
            raise ConfigError(f"{key}: {word}: leave it to the {by}")
    return words


def _numbers(key: str, given: Any, kind: type, at_least: float) -> tuple[Any, ...]:
    numbers = given if isinstance(given, list) else [given]
    for number in numbers:
        if (
            isinstance(number, bool)
            or not isinstance(number, int | float if kind is float else int)
            or number <= at_least
        ):
            raise ConfigError(f"{key}={number}: list {'whole numbers' if kind is int else 'numbers above 0'}")
    if len(set(numbers)) < len(numbers):
        raise ConfigError(f"{key}={given}: list each once")
    return tuple(numbers)


def _some(key: str, given: Any) -> Any:
    if not given:
        raise ConfigError(f"{key}: list at least one")
    return given
