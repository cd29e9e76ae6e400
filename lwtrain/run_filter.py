"""Which runs are meant: conditions on their settings and figures, such as `model=vgg11` or `vote/val/accuracy>0.8`."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from lwtrain.config.wording import shown
from lwtrain.errors import ConfigError
from lwtrain.registry import choices_hint
from lwtrain.runs import Run

_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"(?P<name>[^=<>!]+)(?P<sign>!=|>=|<=|=|>|<)(?P<value>.*)")


@dataclass(frozen=True)
class Condition:
    """What is asked of one setting or figure.

    Example:
        >>> from pathlib import Path
        >>> run = Run(Path("outputs"), {"model.name": "vgg11", "labels": 1000}, figures={"seconds": 12.5})
        >>> [Condition.read(text).holds(run) for text in ("model=vgg11", "labels!=1000", "seconds<60")]
        [True, False, True]
    """

    name: str
    sign: str
    value: str

    @classmethod
    def read(cls, text: str) -> Self:
        """Read `name=value`, with one of = != < > <= >= between the two.

        Raises:
            ConfigError: If it is nothing of the kind, or asks for the order of what is no number.
        """
        found = _CONDITION.fullmatch(text)
        if not found:
            raise ConfigError(f"--where {text}: write NAME=VALUE, or one of != < > <= >= between them")
        condition = cls(found["name"].strip(), found["sign"], found["value"].strip())
        if condition.sign in _ORDERS and _as_number(condition.value) is None:
            raise ConfigError(f"--where {text}: {condition.value} is no number")
        return condition

    def holds(self, run: Run) -> bool:
        """Whether a run is as it is asked for; one that does not have the setting or figure is not, unless by !=."""
        value = _value(run, self.name)
        if self.sign in _ORDERS:
            number, limit = _as_number(value), _as_number(self.value)
            return number is not None and limit is not None and _ORDERS[self.sign](number, limit)
        same = value is not None and (
            shown(value) == self.value
            or (_as_number(value) is not None and _as_number(value) == _as_number(self.value))
        )
        return same == (self.sign == "=")


def runs_where(runs: Sequence[Run], conditions: Iterable[str]) -> list[Run]:
    """Give the runs for which all conditions hold.

    Raises:
        ConfigError: If a condition cannot be read, names what no run has, or none of the runs is left.
    """
    for text in conditions:
        condition = Condition.read(text)
        known = sorted({name for run in runs for name in (*run.settings, *run.figures)})
        if not any(_value(run, condition.name) is not None for run in runs):
            raise ConfigError(f"--where {text}: no run has {condition.name}; {_nearest(condition.name, known)}")
        left = [run for run in runs if condition.holds(run)]
        if not left:
            raise ConfigError(f"--where {text}: none of {len(runs)} runs is so")
        runs = left
    return list(runs)


def _value(run: Run, name: str) -> Any:
    """Look up a setting or figure; a group's name stands for the choice made in it."""
    for key in (name, f"{name}.name"):
        for table in (run.settings, run.figures):
            if key in table:
                return table[key] if table[key] is not None else "null"
    return None


def _as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _nearest(name: str, known: list[str]) -> str:
    """Name what is most like it, not all there is: a run has a hundred settings."""
    hint = choices_hint(name, known).partition("Choices: ")[0].strip()
    return hint or "see a run's metrics.json for what there is"
