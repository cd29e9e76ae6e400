"""Which layers each rank takes, so that none has much more to do than the others. Plain Python: no torch in here."""

from collections.abc import Sequence
from itertools import accumulate


def balanced(costs: Sequence[float], num_ranks: int, sending: Sequence[float] | None = None) -> list[range]:
    """Deal layers to ranks in slices without a gap, so that the rank with the most to do has as little as can be.

    The best of all such deals, by dynamic programming over (ranks, layers). Of deals that are equally good, the last
    ranks take as many layers as they can.

    Args:
        costs: What each layer costs, in any unit, first to last; none is negative.
        num_ranks: Each gets one layer at least.
        sending: What it costs a rank to send on what each layer makes, if that layer is its last and another rank
            follows, in the same unit; nothing by default.

    Returns:
        Each rank's layers.

    Raises:
        ValueError: If there are more ranks than layers, or no rank.

    Example:
        >>> balanced([4, 1, 1, 1, 1], num_ranks=2)
        [range(0, 1), range(1, 5)]
        >>> balanced([1, 1, 1, 1, 4], num_ranks=2)
        [range(0, 4), range(4, 5)]
        >>> balanced([4, 1, 1, 1, 1], num_ranks=2, sending=[3, 0, 0, 0, 0])
        [range(0, 2), range(2, 5)]
    """
    num_layers = len(costs)
    if not 1 <= num_ranks <= num_layers:
        raise ValueError(f"{num_ranks} ranks: choose 1 to {num_layers}, the number of layers")
    upto = [0.0, *accumulate(costs)]
    sent = [0.0, *(sending or [0.0] * num_layers)]
    sent[num_layers] = 0.0
    largest = [all_ + last for all_, last in zip(upto, sent, strict=True)]  # by how many are dealt: one rank has them
    starts: list[list[int]] = []  # of the last rank's slice, by the same number, for 2, 3, ... ranks
    for rank in range(1, num_ranks):
        better, start = [float("inf")] * (num_layers + 1), [0] * (num_layers + 1)
        for dealt in range(rank + 1, num_layers + 1):
            better[dealt], start[dealt] = min(
                (max(largest[first], upto[dealt] - upto[first] + sent[dealt]), first) for first in range(rank, dealt)
            )
        largest = better
        starts.append(start)
    slices, end = [], num_layers
    for start in reversed(starts):
        slices.append(range(start[end], end))
        end = start[end]
    return [range(end), *reversed(slices)]
