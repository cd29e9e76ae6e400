"""How long a run still takes, judged by what its epochs have taken so far. Plain Python: no torch in here."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lwtrain.schedules import Moment, Turn

_RECENT = 3  # timings of a kind that count: machines get faster and slower
_TELLING = 0.1  # share of an epoch after which its pace says something


class Kind(NamedTuple):
    """Epochs that cost the same.

    Attributes:
        turn: Who trains.
        first: Whether the epoch is the visit's first, to which the front is handed on from the layer below; for later
            ones it may come all the way from the images.
    """

    turn: Turn
    first: bool

    @classmethod
    def of(cls, moment: Moment) -> "Kind":
        """Name the kind of an epoch."""
        return cls(moment.visit.layer, moment.epoch == 0)


class Estimate(NamedTuple):
    """What is left.

    Attributes:
        seconds: Until the end.
        sure: Whether all that is left has been timed before.
    """

    seconds: float
    sure: bool

    def __str__(self) -> str:
        """Say it: "3 min 20 s left", "about 2 h 5 min left"."""
        return f"{'' if self.sure else 'about '}{duration(self.seconds)} left"


def foreseen(kind: Kind, timed: Mapping[Kind, float], work: Mapping[Turn, float]) -> float | None:
    """Say what an epoch takes; None if nothing is known that tells.

    Of a layer whose other kind has been timed, that is what this one takes, too; of any other the time goes by its
    work, as the timed ones do.

    Args:
        kind: Of the epoch.
        timed: Seconds of an epoch, by kind.
        work: What an epoch costs by turn, in any unit.

    Example:
        >>> timed = {Kind(0, first=True): 4.0}
        >>> kinds = [Kind(0, first=True), Kind(0, first=False), Kind(1, first=True)]
        >>> [foreseen(kind, timed, work={0: 10, 1: 5}) for kind in kinds]
        [4.0, 4.0, 2.0]
    """
    for same in (kind, kind._replace(first=not kind.first)):
        if same in timed:
            return timed[same]
    known = [other for other in timed if other.turn in work]
    done = sum(work[other.turn] for other in known)
    return sum(timed[other] for other in known) * work[kind.turn] / done if done and kind.turn in work else None


def time_left(
    kinds: Sequence[Kind],
    timed: Mapping[Kind, float],
    work: Mapping[Turn, float],
    *,
    sizes: Sequence[float] | None = None,
    elapsed: float = 0.0,
    share: float = 0.0,
    closing: float | None = 0.0,
) -> Estimate | None:
    """Foresee when a run ends; None rather than nonsense where nothing has been timed that tells.

    Args:
        kinds: The epochs that are left, the one under way first.
        timed: Seconds of an epoch, by kind.
        work: What an epoch costs by turn, in any unit.
        sizes: Of the epochs that are left, as multiples of one of their kind as `timed` has it; None: they are alike.
        elapsed: Seconds of the epoch under way.
        share: How much of it is done.
        closing: Seconds of what follows the last epoch; None if not known.

    Example:
        >>> kinds, timed = [Kind(1, first=True), Kind(0, first=True), Kind(1, first=True)], {Kind(0, first=True): 60.0}
        >>> str(time_left(kinds, timed, work={0: 10, 1: 5}, elapsed=15.0))
        'about 1 min 50 s left'
    """
    if not kinds:
        return None
    sizes = sizes or [1.0] * len(kinds)
    sure = timed.keys() >= set(kinds) and closing is not None
    if kinds[0] not in timed and share >= _TELLING:
        timed = {**timed, kinds[0]: elapsed / share / sizes[0]}
    ahead: dict[Kind, float] = {}
    for kind in set(kinds):
        if (seconds := foreseen(kind, timed, work)) is None:
            return None
        ahead[kind] = seconds
    now, *later = (ahead[kind] * size for kind, size in zip(kinds, sizes, strict=True))
    return Estimate(max(now - elapsed, 0.0) + sum(later) + (closing or 0.0), sure)


def recent(timings: Mapping[Kind, Sequence[float]]) -> dict[Kind, float]:
    """Give the mean of the last timings of each kind: machines get faster and slower.

    Example:
        >>> recent({Kind(0, first=True): [9.0, 3.0, 2.0, 1.0]})
        {Kind(turn=0, first=True): 2.0}
    """
    last = {kind: seconds[-_RECENT:] for kind, seconds in timings.items() if seconds}
    return {kind: sum(seconds) / len(seconds) for kind, seconds in last.items()}


def duration(seconds: float) -> str:
    """Write a time as exactly as one wants to know it.

    Example:
        >>> [duration(seconds) for seconds in (0.2, 7, 48, 203, 1234, 7380)]
        ['1 s', '7 s', '50 s', '3 min 20 s', '21 min', '2 h 5 min']
    """
    exact = 1 if seconds < 10 else 10 if seconds < 600 else 60 if seconds < 3600 else 300
    shown = max(1, exact * int(seconds / exact + 0.5))
    hours, minutes, rest = shown // 3600, shown // 60 % 60, shown % 60
    words = [f"{number} {unit}" for number, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if number]
    return " ".join(words)
