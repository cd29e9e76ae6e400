"""The figures of a run, kept in memory: what a notebook plots."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.loggers import Logger


class Point(NamedTuple):
    """One figure of a run.

    Attributes:
        step: Optimizer steps before it.
        seconds: Since the first step of the run, validation included.
        value: The figure.
    """

    step: int
    seconds: float
    value: float


class History(Logger):
    """Keeps all figures that a run logs, by their tags: a logger like any other, given to the Trainer as `logger`.

    `history["layer_0/val/accuracy"]` is a list with a figure for each epoch in which the layer was measured;
    `points(tag)` tells also when.

    Args:
        clock: Tells the time in seconds.

    Example:
        >>> history = History()
        >>> history.log_metrics({"val/accuracy": 0.5}, step=10)
        >>> history.log_metrics({"val/accuracy": 0.75}, step=20)
        >>> history["val/accuracy"], history.tags
        ([0.5, 0.75], ['val/accuracy'])
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__()
        self._clock, self._started = clock, clock()
        self._points: dict[str, list[Point]] = {}

    @property
    def name(self) -> str:
        """Part of Lightning's paths; not used here."""
        return ""

    @property
    def version(self) -> str:
        """Part of Lightning's paths; not used here."""
        return ""

    @property
    def tags(self) -> list[str]:
        """What has been logged."""
        return sorted(self._points)

    def points(self, tag: str) -> list[Point]:
        """Give a figure's course, in the order in which it was logged.

        Raises:
            KeyError: If nothing has been logged by this tag.
        """
        if tag not in self._points:
            raise KeyError(f"{tag}: nothing has been logged by this tag; choose one of {', '.join(self.tags)}")
        return list(self._points[tag])

    def __getitem__(self, tag: str) -> list[float]:
        return [point.value for point in self.points(tag)]

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add figures."""
        seconds = self._clock() - self._started
        for tag, value in metrics.items():
            points = self._points.setdefault(tag, [])
            points.append(Point(len(points) if step is None else step, seconds, float(value)))

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Ignore settings: whoever made this has them."""
