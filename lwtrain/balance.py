"""Which layers each rank takes, so that none has much more to do than the others. Plain Python: no torch in here."""

from collections.abc import Sequence
from itertools import accumulate


def balanced(costs: Sequence[float], num_ranks: int) -> list[range]:
    """Deal layers to ranks in slices without a gap, so that the rank with the most to do has as little as can be.

    The best of all such deals, by dynamic programming over (ranks, layers). Of deals that are equally good, the last
    ranks take as many layers as they can.

    Args:
        costs: What each layer costs, in any unit, first to last; none is negative.
        num_ranks: Each gets one layer at least.

    Returns:
        Each rank's layers.

    Raises:
        ValueError: If there are more ranks than layers, or no rank.

    Example:
        >>> balanced([4, 1, 1, 1, 1], num_ranks=2)
        [range(0, 1), range(1, 5)]
        >>> balanced([1, 1, 1, 1, 4], num_ranks=2)
        [range(0, 4), range(4, 5)]
    """
    num_layers = len(costs)
    if not 1 <= num_ranks <= num_layers:
        raise ValueError(f"{num_ranks} ranks: choose 1 to {num_layers}, the number of layers")
    upto = [0.0, *accumulate(costs)]
    largest = [upto[layer] for layer in range(num_layers + 1)]  # by how many layers are dealt: one rank has them all
    starts: list[list[int]] = []  # of the last rank's slice, by the same number, for 2, 3, ... ranks
    for rank in range(1, num_ranks):
        better, start = [float("inf")] * (num_layers + 1), [0] * (num_layers + 1)
        for dealt in range(rank + 1, num_layers + 1):
            better[dealt], start[dealt] = min(
                (max(largest[first], upto[dealt] - upto[first]), first) for first in range(rank, dealt)
            )
        largest = better
        starts.append(start)
    slices, end = [], num_layers
    for start in reversed(starts):
        slices.append(range(start[end], end))
        end = start[end]
    return [range(end), *reversed(slices)]
