"""How long training takes on many devices. Plain Python: no torch in here."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from lwtrain.balance import balanced
from lwtrain.scaling.cost import LayerCost
from lwtrain.scaling.machine import Machine
from lwtrain.scaling.one_device import Front, batch_seconds, moved_bytes, visit


def all_reduce_seconds(num_bytes: float, devices: int, network: float) -> float:
    """Say how long devices take to add up as many bytes each, in a ring.

    Each sends, and receives, 2 (N - 1) / N times the bytes: once around to add, once around to tell.

    Source: Patarasuk and Yuan (2009), "Bandwidth optimal all-reduce algorithms for clusters of workstations".

    Example:
        >>> all_reduce_seconds(100.0, devices=4, network=50.0), all_reduce_seconds(100.0, devices=1, network=50.0)
        (3.0, 0.0)
    """
    return 2 * (devices - 1) / devices * num_bytes / network


def data_parallel_wave_seconds(
    costs: Sequence[LayerCost],
    machine: Machine,
    images: float,
    batch_size: int,
    devices: int,
    front: Front = "memory",
) -> float:
    """Foresee a wave of which every device trains each layer on its share of the images.

    The active layer's gradients are added up in every step, after its backward pass: one layer's are ready together at
    the end of a short pass, so that nothing is assumed to hide behind it.

    Args:
        costs: Of all layers.
        machine: Each device.
        images: Of all devices together.
        batch_size: Of one device.
        devices: How many.
        front: Where activations come from; each device keeps those of its own share.
    """
    share = images / devices
    steps = ceil(share / batch_size)
    seconds = 0.0
    for layer, cost in enumerate(costs):
        adding = steps * all_reduce_seconds(cost.gradient_bytes, devices, machine.network)
        seconds += visit(costs, layer, machine, share, batch_size, front).total(machine) + adding
    return seconds


class Pipeline(NamedTuple):
    """Layers dealt to ranks, each of which learns from every batch and sends on what its last layer makes of it.

    Attributes:
        deal: Each rank's layers.
        batch: Each rank's seconds for one batch, sending included.
        steps: How many batches there are.
    """

    deal: list[range]
    batch: list[float]
    steps: int

    @property
    def fill(self) -> float:
        """Seconds until the last rank begins."""
        return sum(self.batch[:-1])

    @property
    def seconds(self) -> float:
        """Of an epoch: the first batch passes all ranks, the others come as fast as the slowest rank sends them."""
        return sum(self.batch) + (self.steps - 1) * max(self.batch)

    @property
    def idle(self) -> list[float]:
        """Each rank's share of the epoch in which it has nothing to do.

        Example:
            >>> [round(share, 2) for share in Pipeline([range(0, 2), range(2, 3)], [1.0, 0.5], steps=9).idle]
            [0.05, 0.53]
        """
        return [1 - self.steps * batch / self.seconds for batch in self.batch]


def pipelined(
    costs: Sequence[LayerCost],
    machine: Machine,
    images: float,
    batch_size: int,
    ranks: int,
    replicas: int = 1,
) -> Pipeline:
    """Foresee an epoch of `schedule=pipelined`: as `simultaneous`, with the layers dealt to ranks.

    Args:
        costs: Of all layers.
        machine: Each rank.
        images: Of all replicas together.
        batch_size: Of one replica.
        ranks: That the layers are dealt to, by what each costs and by what is sent; nothing is taken to hide behind
            anything else.
        replicas: How many such pipelines share the images; each rank adds its gradients up with its likes.

    Raises:
        ValueError: If there are more ranks than layers.
    """
    each = [batch_seconds(cost, machine, batch_size) for cost in costs]
    sending = [batch_size * cost.row_bytes / machine.network for cost in costs[1:]] + [0.0]
    deal = balanced(each, ranks, sending)
    first = batch_size * (machine.augmentation + moved_bytes(costs, 0) / machine.memory)
    batch = []
    for layers in deal:
        learning = sum(each[layer] for layer in layers) + (first if 0 in layers else 0.0)
        gradients = sum(costs[layer].gradient_bytes for layer in layers)
        adding = all_reduce_seconds(gradients, replicas, machine.network)
        batch.append(machine.step_seconds + learning + adding + sending[layers[-1]])
    return Pipeline(deal, batch, ceil(images / replicas / batch_size))
