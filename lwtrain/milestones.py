"""After which epochs a run is worth a look: at the end of a wave, of a visit, or of a share of the epochs."""

from collections.abc import Sequence
from itertools import pairwise

from lwtrain.schedules import Moment

_SHARES = 10  # of the epochs, where all of them are one visit


def milestones(moments: Sequence[Moment]) -> list[int]:
    """Choose epochs, counted from 0, the last one among them.

    Where there are several waves, their ends; else where there are several visits, theirs; else the ends of ten shares.

    Example:
        >>> from lwtrain.schedules import backprop, sequential, timetable, wave
        >>> milestones(timetable(wave(num_layers=3, epochs=2, waves=2)))
        [2, 5]
        >>> milestones(timetable(sequential(num_layers=3, epochs=4)))
        [3, 7, 11]
        >>> milestones(timetable(backprop(num_layers=3, epochs=40)))
        [3, 7, 11, 15, 19, 23, 27, 31, 35, 39]
    """
    pairs = list(enumerate(pairwise(moments)))
    waves = [epoch for epoch, (one, other) in pairs if one.visit.wave != other.visit.wave]
    visits = [epoch for epoch, (one, other) in pairs if one.visit is not other.visit]
    last = [len(moments) - 1] if moments else []
    return [*(waves or visits), *last] if visits else evenly(range(len(moments)), _SHARES)


def evenly(epochs: Sequence[int], most: int) -> list[int]:
    """Keep as many of them at most, evenly spaced, the last one among them.

    Example:
        >>> evenly([2, 5, 8, 11, 14], most=2), evenly([2, 5], most=10)
        ([5, 14], [2, 5])
    """
    kept = min(most, len(epochs))
    return [epochs[(number + 1) * len(epochs) // kept - 1] for number in range(kept)]
