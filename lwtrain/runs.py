"""Runs as they lie in their folders: with which settings each was made, and what came of it. No torch in here."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lwtrain.config.flattening import flatten
from lwtrain.config.run_folders import METRICS, SETTINGS, WORDS
from lwtrain.config.wording import shown
from lwtrain.failures import read_failure
from lwtrain.plain_files import read_plain

_DERIVED = ("batches", "map")  # what their `auto` comes to follows from other settings
_ASIDE = ("ckpt_path", "progress")  # no part of what is compared
_LAYER = re.compile(r"layer_\d+/val/accuracy")


@dataclass(frozen=True)
class Run:
    """One run, finished or not.

    Attributes:
        folder: Where it lies.
        settings: All it was made with, on one level; empty where it failed before they were read.
        given: The settings that its command line named.
        figures: What it came to, by tag, such as `vote/val/accuracy` or `seconds`; empty before it has finished.
        failure: Why it broke off, on one line; None if it did not.
    """

    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    figures: Mapping[str, Any] = field(default_factory=dict)
    failure: str | None = None


def find_runs(folder: Path) -> list[Run]:
    """Read all runs in and below a folder, in the order in which they were started."""
    started = {mark.parent: mark for mark in folder.rglob(METRICS)}
    started |= {mark.parents[1]: mark for mark in folder.rglob(WORDS)}  # which were written when the run began
    in_order = sorted(started, key=lambda place: (started[place].stat().st_mtime, by_number(place)))
    return [read_run(place) for place in in_order]


def by_number(path: Path) -> list[tuple[int, str]]:
    """Give what to sort folders by, so that 10 comes behind 9.

    Example:
        >>> [str(path) for path in sorted(map(Path, ["sweep/10", "sweep/9"]), key=by_number)]
        ['sweep/9', 'sweep/10']
    """
    return [(int(text) if text.isdecimal() else -1, text) for text in re.split(r"(\d+)", str(path))]


def read_run(folder: Path) -> Run:
    """Read one run. What cannot be read counts as not there: other runs shall be shown all the same."""
    metrics = _read(folder / METRICS, {})
    stored = metrics.pop("config", None)
    settings = flatten(stored if isinstance(stored, Mapping) and stored else _read(folder / SETTINGS, {}))
    words = _read(folder / WORDS, [])
    failure = read_failure(folder)
    if failure is None and not metrics:
        failure = "not finished"
    return Run(
        folder,
        settings,
        frozenset(str(word).lstrip("+").partition("=")[0] for word in words),
        _with_best_layer({tag: value for tag, value in flatten(metrics).items() if _is_figure(value)}),
        None if failure is None else " ".join(failure.split()),
    )


def _read(path: Path, otherwise: Any) -> Any:
    try:
        content = read_plain(path)
    except (OSError, ValueError):
        return otherwise
    return content if isinstance(content, type(otherwise)) else otherwise


def _is_figure(value: Any) -> bool:
    return isinstance(value, (str, float)) or (isinstance(value, int) and abs(value) < 2**63)


def _with_best_layer(figures: dict[str, Any]) -> dict[str, Any]:
    """Add the layer with the best validation accuracy, the head aside; its test accuracy was not chosen by."""
    layers = [tag for tag, value in figures.items() if _LAYER.fullmatch(tag) and not isinstance(value, str)]
    if not layers:
        return figures
    best = max(layers, key=figures.__getitem__).partition("/")[0]
    stages = {f"best_layer/{stage}/accuracy": figures.get(f"{best}/{stage}/accuracy") for stage in ("val", "test")}
    return figures | {"best_layer": best} | {tag: value for tag, value in stages.items() if value is not None}


def differing_settings(runs: Sequence[Run]) -> list[str]:
    """Name the settings that tell runs apart: those with several values among the runs that have them at all.

    Where other settings differ, `batches` and `map` are left out if no command line named them.
    """
    names = dict.fromkeys(name for run in runs for name in run.settings if name not in _ASIDE)
    several = [name for name in names if len(set(_values(runs, name))) > 1]
    given = {name for run in runs for name in run.given}
    chosen = [name for name in several if name not in _DERIVED or name in given]
    return chosen or several


def _values(runs: Iterable[Run], name: str) -> Iterable[str]:
    return (shown(run.settings[name]) for run in runs if name in run.settings)
