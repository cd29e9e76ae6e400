"""Finds a machine's numbers from what epochs took: least squares, of numbers that cannot be negative."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarking.epoch_times import Parts
from benchmarking.row import Row
from lwtrain.scaling.cost import LayerCost
from lwtrain.scaling.machine import Machine, Rate
from lwtrain.scaling.one_device import moved_bytes

UNSEEN = 1e15  # a second: what a rate is that took no time to speak of


class Timed(NamedTuple):
    """One visit of a wave: what it asked for, and the median of what it took.

    Attributes:
        row: Of the benchmark.
        costs: Of all layers.
        layer: Who learned.
        seconds: By part.
    """

    row: Row
    costs: list[LayerCost]
    layer: int
    seconds: Parts

    @property
    def steps(self) -> int:
        """How many batches it had."""
        return -(-self.row.images // self.row.batch_size)


def visits_of(row: Row, costs: list[LayerCost], rounds: Sequence[Sequence[Parts]]) -> list[Timed]:
    """Give a wave's visits, each with the median of its rounds."""
    visits = []
    for layer in range(len(costs)):
        taken = [epochs[layer] for epochs in rounds]
        visits.append(Timed(row, costs, layer, {part: median(parts[part] for parts in taken) for part in taken[0]}))
    return visits


def fit_machine(visits: Sequence[Timed], network: float) -> Machine:
    """Find a machine's numbers from the visits of waves with fronts in memory and on disk.

    Each part of a visit's seconds is a sum of few terms, so each is fitted alone.

    Args:
        visits: Some with augmentation, some on disk, some with small batches.
        network: Bytes a second, measured apart.
    """
    held = [visit for visit in visits if visit.row.front == "memory"]
    operations, made, layer_seconds = _solve("loss", [_learning(visit) for visit in visits], visits)
    resting, moving, reading = _solve("front", [_rolling(visit) for visit in held], held)
    updating, stepping = _solve(
        "step", [(visit.steps * visit.costs[visit.layer].gradient_bytes, visit.steps) for visit in visits], visits
    )
    looping, epoch = _solve("rest", [(visit.steps, 1.0) for visit in visits], visits)
    augmenting, waiting = _solve("data", [(_augmented(visit), visit.steps) for visit in visits], visits)
    memory = _rate(moving)
    return Machine(
        learning=Rate(_rate(operations), _rate(made)),
        resting=Rate(_rate(resting), memory),
        updating=_rate(updating),
        memory=memory,
        disk=_disk([visit for visit in visits if visit.row.front == "disk"], resting, moving, reading),
        network=network,
        step_seconds=reading + stepping + looping + waiting,
        epoch_seconds=epoch,
        layer_seconds=layer_seconds,
        augmentation=augmenting,
    )


def fit(terms: Tensor, taken: Tensor) -> list[float]:
    """Find the non-negative seconds of each term by which sums of terms come nearest to what was taken.

    A long time counts by its root more than a short one: long ones are the sum that matters, short ones tell the terms
    apart.

    Args:
        terms: (sums, terms), float64.
        taken: Seconds, (sums,), float64; above 0.

    Example:
        >>> [round(value, 6) for value in fit(torch.tensor([[1.0, 1], [2, 1], [4, 1]]).double(), torch.tensor([3.0, 5, 9]).double())]
        [2.0, 1.0]
    """  # noqa: E501 - an example of one line
    weights = taken.rsqrt()
    best, found = float("inf"), [0.0] * terms.shape[1]
    for count in range(1, terms.shape[1] + 1):
        for chosen in map(list, combinations(range(terms.shape[1]), count)):
            scale = terms[:, chosen].amax(dim=0).clamp_min(1e-30)
            solved = torch.linalg.lstsq(terms[:, chosen] / scale * weights[:, None], taken * weights).solution / scale
            miss = float(((terms[:, chosen] @ solved - taken) * weights).square().sum())
            if miss < best and bool((solved >= 0).all()):
                best, found = miss, [0.0] * terms.shape[1]
                for place, value in zip(chosen, solved.tolist(), strict=True):
                    found[place] = value
    return found


def _solve(part: str, terms: Sequence[tuple[float, ...]], visits: Sequence[Timed]) -> list[float]:
    taken = torch.tensor([max(visit.seconds[part], 1e-6) for visit in visits], dtype=torch.float64)
    return fit(torch.tensor(terms, dtype=torch.float64), taken)


def _learning(visit: Timed) -> tuple[float, float, float]:
    cost, images = visit.costs[visit.layer], visit.row.images
    made = images * cost.learning.bytes + visit.steps * cost.step_bytes
    return images * cost.learning.operations, made, visit.steps


def _rolling(visit: Timed) -> tuple[float, float, float]:
    images, moved = visit.row.images, moved_bytes(visit.costs, visit.layer)
    if visit.layer == 0:
        return 0.0, images * moved, visit.steps
    below = visit.costs[visit.layer - 1].resting
    return images * below.operations, images * (below.bytes + moved), visit.steps


def _augmented(visit: Timed) -> float:
    return visit.row.images if visit.row.augmentation and visit.layer == 0 else 0.0


def _disk(visits: Sequence[Timed], resting: float, moving: float, reading: float) -> float:
    """Give the rate at which the bytes of fronts on disk are moved: what is left when layers have run."""
    left, moved = 0.0, 0.0
    for visit in visits:
        operations, made_and_moved, steps = _rolling(visit)
        own = visit.row.images * moved_bytes(visit.costs, visit.layer)
        left += visit.seconds["front"] - resting * operations - moving * (made_and_moved - own) - reading * steps
        moved += own
    return _rate(max(left, 0.0) / moved)


def _rate(seconds: float) -> float:
    return 1 / seconds if seconds > 1 / UNSEEN else UNSEEN
