"""Several runs side by side: what their curves have in common, and what each came to. No torch in here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from lwtrain.config.wording import shown
from lwtrain.errors import ConfigError
from lwtrain.learning_curve import learning_curve
from lwtrain.registry import choices_hint
from lwtrain.runs import Run, differing_settings

_LONGEST = 80  # letters of a label
_LAYER = re.compile(r"layer_(\d+)/val/accuracy")


class Line(NamedTuple):
    """A curve of one run, or the mean of several.

    Attributes:
        seconds: Of training, at the ends of epochs.
        mean: Validation accuracy of the vote then (of the head, where no vote was counted), in %.
        lowest: Of any of the runs.
        highest: Of any of them.
    """

    seconds: list[float]
    mean: list[float]
    lowest: list[float]
    highest: list[float]


@dataclass(frozen=True)
class Contender:
    """One run, or several that differ in a setting which makes no difference here, such as the seed.

    Attributes:
        label: The settings that tell it from the others.
        runs: Those put together.
        line: Its learning curve; None if none of the runs has logged one.
    """

    label: str
    runs: Sequence[Run]
    line: Line | None

    @property
    def layers(self) -> list[list[float]]:
        """The validation accuracies of each layer, in %, a value for each run; the head's apart."""
        numbers = {int(tag[1]) for run in self.runs for tag in map(_LAYER.fullmatch, run.figures) if tag}
        return [self._accuracies(f"layer_{number}") for number in sorted(numbers)]

    @property
    def head(self) -> list[float]:
        """The head's."""
        return self._accuracies("head")

    @property
    def vote(self) -> list[float]:
        """The vote's."""
        return self._accuracies("vote")

    def _accuracies(self, name: str) -> list[float]:
        tag = f"{name}/val/accuracy"
        return [100 * run.figures[tag] for run in self.runs if tag in run.figures]


def contenders(runs: Sequence[Run], root: Path, over: str | None = None) -> list[Contender]:
    """Name runs by what tells them apart, and put those together that differ in `over` alone.

    Args:
        runs: In the order in which they are shown.
        root: The folder that runs are named from, where no setting tells them apart.
        over: A setting, such as seed; None: each run is a contender.

    Raises:
        ConfigError: If the runs do not differ in `over`.
    """
    settings = differing_settings(runs)
    if over is not None:
        if over not in settings:
            raise ConfigError(f"--over {over}: the runs do not differ in it; {choices_hint(over, settings)}")
        settings = [name for name in settings if name != over]
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        key = tuple(shown(run.settings.get(name)) for name in settings)
        groups.setdefault(key if over is not None else (*key, str(run.folder)), []).append(run)
    labels = [_label(settings, some, root) for some in groups.values()]
    return [
        Contender(label if labels.count(label) == 1 else f"{label} ({_place(some[0], root)})", some, line_of(some))
        for label, some in zip(labels, groups.values(), strict=True)
    ]


def line_of(runs: Sequence[Run]) -> Line | None:
    """Put the learning curves of runs together, epoch by epoch; None where there is none.

    Beside runs that have come to an end, those that have not are left out: they would cut the others' line short.
    """
    ended = [run for run in runs if run.figures] or runs
    return mean_line([learning_curve(run.folder) for run in ended])


def mean_line(curves: Sequence[Sequence[Mapping[str, float]]]) -> Line | None:
    """Put learning curves together, epoch by epoch as far as all of them go; None where there is none.

    Args:
        curves: As `lwtrain.learning_curve.learning_curve` gives them; empty ones count for nothing.
    """
    known = [points for curve in curves if (points := _points(curve))]
    epochs = list(zip(*known, strict=False))
    if not epochs:
        return None
    return Line(
        [mean(second for second, _ in epoch) for epoch in epochs],
        *([choose(value for _, value in epoch) for epoch in epochs] for choose in (mean, min, max)),
    )


def _points(curve: Sequence[Mapping[str, float]]) -> list[tuple[float, float]]:
    part = "vote" if any("vote" in point for point in curve) else "head"
    return [(point["seconds"], 100 * point[part]) for point in curve if part in point]


def _label(settings: Sequence[str], runs: Sequence[Run], root: Path) -> str:
    """Name a contender by its settings, or by its place where these would be too long to be read."""
    given = runs[0].settings
    words = " ".join(f"{name.removesuffix('.name')}={shown(given[name])}" for name in settings if name in given)
    if words and len(words) <= _LONGEST:
        return words
    return _place(runs[0], root) if len(runs) == 1 else f"{_place(runs[0], root)} and {len(runs) - 1} more"


def _place(run: Run, root: Path) -> str:
    return str(run.folder.relative_to(root)) if run.folder.is_relative_to(root) else str(run.folder)
