"""After which epochs a run is worth a look: at the end of a wave, of a visit, or of a share of the epochs."""

from collections.abc import Sequence
from itertools import pairwise

from lwtrain.schedules import Moment

MOST = 10  # of a picture that changes, TensorBoard keeps ten


def milestones(moments: Sequence[Moment], most: int = MOST) -> list[int]:
    """Choose epochs, counted from 0, the last one among them.

    Where there are several waves, their ends; else where there are several visits, theirs; else any epoch. Of more than
    `most`, as many are kept, evenly spaced.

    Example:
        >>> from lwtrain.schedules import backprop, sequential, timetable, wave
        >>> milestones(timetable(wave(num_layers=3, epochs=2, waves=2)))
        [2, 5]
        >>> milestones(timetable(sequential(num_layers=3, epochs=4)))
        [3, 7, 11]
        >>> milestones(timetable(backprop(num_layers=3, epochs=100)), most=4)
        [24, 49, 74, 99]
    """
    if not moments:
        return []
    last = len(moments) - 1
    pairs = list(enumerate(pairwise(moments)))
    ends = [epoch for epoch, (one, other) in pairs if one.visit.wave != other.visit.wave]
    ends = ends or [epoch for epoch, (one, other) in pairs if one.visit is not other.visit]
    ends = [*(ends or range(last)), last]
    if len(ends) <= most:
        return ends
    return [ends[(number + 1) * len(ends) // most - 1] for number in range(most)]
