"""What a run spends its time on: a clock that always runs for one part of it, so that the parts add up to the whole.

Code says what it is about with `spent_on` (or `turn_to`, where the end lies in another function). Where nobody has
opened a clock, and on threads beside the one that trains, that says nothing and costs nearly nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

PARTS = {
    "data": "waiting for a batch; making a view's pictures and augmenting them",
    "front": "rolling the front forward and reading from it; running resting layers for a batch",
    "loss": "the learning layers' forward passes, their losses and backward passes",
    "step": "the optimizer",
    "validation": "validation, its own data and front included",
    "rest": "loggers, checkpoints, progress and what else happens between batches and epochs",
}
"""The parts, and what counts towards each."""


class PartTimes:
    """A clock that shares its time out among `PARTS`.

    Promise: every moment between `start` and `stop` counts towards one part, so the parts' sum is the time between. A
    change from one part to the next takes a microsecond or two.

    On an accelerator, kernels are launched and go on by themselves. There these are the host's seconds: what a kernel
    takes shows where the host waits for it, which may be a later part, such as "step" for the backward pass, or "data"
    for a copy. The sum holds, and the parts are right where the host is what limits (data, small networks). To have
    each kernel counted where it belongs, at the price of speed, set CUDA_LAUNCH_BLOCKING=1 in the environment.

    Args:
        seconds: What has been counted before, by part.
        clock: Tells the time in seconds.

    Example:
        >>> times = PartTimes(clock=iter([0.0, 1.0, 3.0, 3.5]).__next__)
        >>> times.start()
        >>> times.turn_to("loss")
        'rest'
        >>> times.turn_to("step")
        'loss'
        >>> times.stop()
        >>> times.seconds["rest"], times.seconds["loss"], times.seconds["step"]
        (1.0, 2.0, 0.5)
    """

    def __init__(
        self, seconds: Mapping[str, float] | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0) | dict(seconds or {})
        self._clock = clock
        self._part, self._since = "rest", 0.0

    def start(self) -> None:
        """Begin to count, and hear what code on this thread says."""
        self._part, self._since = "rest", self._clock()
        _running.set(self)

    def stop(self) -> None:
        """Count what has passed, and listen no longer."""
        if _running.get() is self:
            self.turn_to("rest")
            _running.set(None)

    def turn_to(self, part: str) -> str:
        """Count towards another part from now on, and give the one until now."""
        now = self._clock()
        before = self._part
        self.seconds[before] += now - self._since
        self._part, self._since = part, now
        return before

    @property
    def part(self) -> str:
        """What time counts towards now."""
        return self._part


_running: ContextVar[PartTimes | None] = ContextVar("running", default=None)  # threads begin without one


def turn_to(part: str) -> None:
    """Count what follows towards a part of the run, until something else is said."""
    times = _running.get()
    if times is not None and times.part != "validation":
        times.turn_to(part)


@contextmanager
def spent_on(part: str) -> Iterator[None]:
    """Count what happens within towards a part of the run; within "validation" all counts towards that.

    Example:
        >>> times = PartTimes(clock=iter([0.0, 1.0, 5.0, 6.0]).__next__)
        >>> times.start()
        >>> with spent_on("front"):
        ...     pass
        >>> times.stop()
        >>> times.seconds["front"], times.seconds["rest"]
        (4.0, 2.0)
    """
    times = _running.get()
    if times is None or times.part == "validation":
        yield
        return
    before = times.turn_to(part)
    try:
        yield
    finally:
        times.turn_to(before)


def shares(seconds: Mapping[str, float]) -> str:
    """Write what each part takes of the sum, the largest first; parts below half a percent are left out.

    Example:
        >>> shares({"data": 0.1, "front": 24.0, "loss": 75.9})
        'loss 76 %, front 24 %'
    """
    total = sum(seconds.values())
    written = {part: f"{100 * value / max(total, 1e-9):.0f}" for part, value in seconds.items()}
    largest = sorted(seconds, key=seconds.__getitem__, reverse=True)
    return ", ".join(f"{part} {written[part]} %" for part in largest if written[part] != "0")
