"""How long training takes on one device. Plain Python: no torch in here."""

from collections.abc import Sequence
from math import ceil
from typing import Literal, NamedTuple

from lwtrain.scaling.cost import LayerCost
from lwtrain.scaling.machine import Machine

Front = Literal["memory", "disk", "recompute"]

_MANY = 1_000_000  # images, in one batch: what comes once a step or once a visit does not count


class Seconds(NamedTuple):
    """Of an epoch, by what for; the parts are those of `lwtrain.part_times`.

    Attributes:
        data: Augmenting images.
        rolling: Resting layers that run.
        moving: Writing and reading the front.
        learning: Forward and backward passes.
        stepping: The optimizer, and the loop around it all.
    """

    data: float = 0.0
    rolling: float = 0.0
    moving: float = 0.0
    learning: float = 0.0
    stepping: float = 0.0

    def total(self, machine: Machine) -> float:
        """Add up; where a machine moves the front while it computes, only the longer of the two counts.

        Example:
            >>> from lwtrain.scaling.machine import Rate
            >>> machine = Machine(Rate(1, 1), Rate(1, 1), 1, 1, 1, 1, 0.0, 0.0, 0.0, 0.0)
            >>> Seconds(moving=3.0, learning=5.0).total(machine)
            8.0
        """
        computing = sum(self) - self.moving
        return max(computing, self.moving) if machine.overlaps else computing + self.moving


def batch_seconds(cost: LayerCost, machine: Machine, images: float) -> float:
    """Say how long a layer learns from one batch, with the optimizer's step and without the loop around it."""
    return _learning(cost, machine, images, 1.0) + cost.gradient_bytes / machine.updating


def visit(
    costs: Sequence[LayerCost], layer: int, machine: Machine, images: float, batch_size: int, front: Front
) -> Seconds:
    """Foresee a visit of one epoch, in which a layer reads every image once.

    A front that is held is rolled from the layer below first: read, passed on, written. Then it is read to learn.

    Args:
        costs: Of all layers.
        layer: Who learns.
        machine: Where.
        images: That this device reads.
        batch_size: Of this device.
        front: Where activations come from.
    """
    steps = ceil(images / batch_size)
    below = costs[layer - 1] if layer else None
    if front == "recompute":
        data, moved = images * machine.augmentation, 0.0
        rolling = images * sum(machine.resting.seconds(cost.resting) for cost in costs[:layer])
    else:
        data = 0.0 if below else images * machine.augmentation
        rolling = images * machine.resting.seconds(below.resting) if below else 0.0
        moved = images * moved_bytes(costs, layer)
    return Seconds(
        data,
        rolling,
        moved / (machine.disk if front == "disk" else machine.memory),
        _learning(costs[layer], machine, images, steps),
        _stepping(machine, costs[layer].gradient_bytes, steps),
    )


def moved_bytes(costs: Sequence[LayerCost], layer: int) -> int:
    """Give the bytes of an image that a held front moves in a visit: what is rolled, its result, and that again.

    Example:
        >>> from lwtrain.scaling.cost import Work
        >>> rows = [LayerCost("", Work(0, 0), 0, Work(0, 0), 0, row_bytes) for row_bytes in (3, 10)]
        >>> moved_bytes(rows, 0), moved_bytes(rows, 1)
        (6, 23)
    """
    return (costs[layer - 1].row_bytes if layer else 0) + 2 * costs[layer].row_bytes


def wave_seconds(
    costs: Sequence[LayerCost], machine: Machine, images: float, batch_size: int, front: Front = "memory"
) -> float:
    """Foresee a wave: every layer reads every image once, one layer after the other."""
    visits = [visit(costs, layer, machine, images, batch_size, front) for layer in range(len(costs))]
    return sum(seconds.total(machine) for seconds in visits)


def simultaneous_seconds(costs: Sequence[LayerCost], machine: Machine, images: float, batch_size: int) -> float:
    """Foresee an epoch in which all layers learn from every batch."""
    steps = ceil(images / batch_size)
    learning = sum(_learning(cost, machine, images, steps) for cost in costs)
    moved = images * moved_bytes(costs, 0) / machine.memory
    stepping = _stepping(machine, sum(cost.gradient_bytes for cost in costs), steps)
    return Seconds(images * machine.augmentation, 0.0, moved, learning, stepping).total(machine)


def bandwidth_that_feeds(costs: Sequence[LayerCost], machine: Machine, layer: int) -> float:
    """Give the bytes a second at which a front moves in the time that a visit computes: with less, layers wait.

    Example:
        >>> from lwtrain.scaling.cost import Work
        >>> from lwtrain.scaling.machine import Rate
        >>> machine = Machine(Rate(1, 1), Rate(1, 1), 1, 1, 1, 1, 0.0, 0.0, 0.0, 0.0)
        >>> bandwidth_that_feeds([LayerCost("", Work(6, 0), 0, Work(2, 0), 0, row_bytes=9)], machine, 0)
        3.0
    """
    seconds = visit(costs, layer, machine, _MANY, _MANY, "memory")
    return _MANY * moved_bytes(costs, layer) / (sum(seconds) - seconds.moving)


def bandwidth_that_pays(costs: Sequence[LayerCost], machine: Machine, layer: int) -> float:
    """Give the bytes a second from which a visit is over sooner with a front that is kept than with layers run again.

    That is where the two take equally long; of a machine that moves the front while it computes, what it computes with
    `front=recompute` is the time that moving may take. Below layer 1 nothing is run again: there it is infinite, or on
    such a machine what learning leaves time for.

    Example:
        >>> from lwtrain.scaling.cost import Work
        >>> from lwtrain.scaling.machine import Rate
        >>> machine = Machine(Rate(1, 1), Rate(1, 1), 1, 1, 1, 1, 0.0, 0.0, 0.0, 0.0)
        >>> costs = [LayerCost("", Work(6, 0), 0, Work(2, 0), 0, row_bytes=4) for _ in range(3)]
        >>> bandwidth_that_pays(costs, machine, 2)  # 12 bytes instead of 2 seconds more
        6.0
    """
    again, kept = (visit(costs, layer, machine, _MANY, _MANY, front) for front in ("recompute", "memory"))
    spare = sum(again) - (0.0 if machine.overlaps else sum(kept) - kept.moving)
    return _MANY * moved_bytes(costs, layer) / spare if spare > 0 else float("inf")


def _learning(cost: LayerCost, machine: Machine, images: float, steps: float) -> float:
    each_step = machine.layer_seconds + cost.step_bytes / machine.learning.bytes
    return images * machine.learning.seconds(cost.learning) + steps * each_step


def _stepping(machine: Machine, gradient_bytes: float, steps: float) -> float:
    return machine.epoch_seconds + steps * (machine.step_seconds + gradient_bytes / machine.updating)
