"""Among which settings the best are looked for: the space, in the words of Hydra's sweeps. No optuna in here."""

from collections.abc import Sequence
from typing import NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

SEARCH = "search"  # the choice of hydra/sweeper that reads spaces
SAMPLERS = ("tpe", "random")
SPACE = "space.yaml"  # in a sweep's folder: what was searched there


class Interval(NamedTuple):
    """All numbers between two ends, the ends included; whole ones if the ends are."""

    low: float
    high: float
    log: bool = False
    step: int = 1  # of whole numbers


Dimension = Interval | list[str]
"""An interval, or values as they are written."""


class Space(NamedTuple):
    """What is tried, and what is the same in each trial.

    Attributes:
        dimensions: By setting, with the sign before its name if it needs one.
        fixed: Words.
        texts: What the dimensions were made from.
    """

    dimensions: dict[str, Dimension]
    fixed: list[str]
    texts: dict[str, str]


def read_space(words: Sequence[str]) -> Space:
    """Read words, of which the last counts that is about a setting.

    Raises:
        ValueError: If an interval is none.

    Example:
        >>> space = read_space(["optimizer.lr=tag(log, interval(0.001, 0.1))", "labels=100,all", "model=vgg8b"])
        >>> space.dimensions
        {'optimizer.lr': Interval(low=0.001, high=0.1, log=True, step=1), 'labels': ['100', 'all']}
        >>> space.fixed
        ['model=vgg8b']
    """
    overrides = {
        override.get_key_element().lstrip("+"): override
        for override in OverridesParser.create().parse_overrides([*words])
    }
    dimensions: dict[str, Dimension] = {}
    fixed, texts = [], {}
    for key, override in overrides.items():
        written = str(override.input_line)
        if override.is_sweep_override():
            dimensions[override.get_key_element()] = _dimension(override)
            texts[key] = written.partition("=")[2]
        else:
            fixed.append(written)
    return Space(dimensions, fixed, texts)


def _dimension(override: Override) -> Dimension:
    value = override.value()
    if isinstance(value, IntervalSweep):
        return read_interval(override)
    values = range(0)
    if isinstance(value, RangeSweep) and isinstance(numbers := value.range(), range):
        values = numbers
    if len(values) > 1 and values.step > 0:
        return Interval(values[0], values[-1], step=values.step)
    return list(override.sweep_string_iterator())


def read_interval(override: Override) -> Interval:
    """Read an interval.

    Raises:
        ValueError: If it has no two ends, or its scale cannot be had.
    """
    value = override.value()
    assert isinstance(value, IntervalSweep)
    if value.start is None or value.end is None or not value.start < value.end:
        raise ValueError(f"{override.input_line}: write interval(low, high), the lower end first")
    if value.tags - {"log"}:
        raise ValueError(f"{override.input_line}: the only tag is log")
    if value.tags and value.start <= 0:
        raise ValueError(f"{override.input_line}: on a log scale both ends are above 0")
    return Interval(value.start, value.end, "log" in value.tags)
