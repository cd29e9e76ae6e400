"""Measures what the cost model needs to know of a machine, foretells other rows by it, and measures those too."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, cast, get_args

from benchmarking.epoch_times import Watched, take_turns
from benchmarking.fitting import fit_machine, visits_of
from benchmarking.foretold import Foretold
from benchmarking.row import Row
from benchmarking.sending import network_rate
from lwtrain.machine import describe_machine
from lwtrain.scaling.cost import LayerCost
from lwtrain.scaling.machine import Machine
from lwtrain.scaling.one_device import Front, simultaneous_seconds, wave_seconds

QUARTER = 0.25  # of the width: layers that a core has done with in a second, and that are not all overhead


def calibrating_rows() -> Iterator[Row]:
    """Give what the machine's numbers are taken from: one network, batches, layers and sidecars large and small.

    Layers of half the width are all arithmetic, and without them the rate of that is lost in the noise.
    """
    row = partial(_row, "calibrate", "vgg11")
    yield row(batch_size=64, images=256, augmentation="med_10")
    yield row(batch_size=16, images=128)
    yield row(encoder="c", batch_size=64, images=128)
    yield row(batch_size=64, images=128, width=2 * QUARTER)
    yield row(front="disk", batch_size=64, images=256)


def foretold_rows() -> Iterator[Row]:
    """Give what is foretold: other networks, widths, batches, fronts and schedules."""
    row = partial(_row, "foretell")
    yield row("vgg8b", batch_size=64, images=256)
    yield row("vgg8b", front="disk", batch_size=32, images=128, augmentation="med_10")
    yield row("vgg8b", method="simultaneous", batch_size=64, images=256)
    yield row("vgg11", encoder="c", batch_size=64, images=128, width=2 * QUARTER)
    yield row("vgg11", front="recompute", batch_size=128, images=256)
    yield row("vgg_a", batch_size=8, images=64)
    yield row("vgg_a", front="recompute", batch_size=32, images=128)
    yield row("vgg_a", method="simultaneous", encoder="c", batch_size=32, images=128)


def calibrate(folder: Path, rounds: int, say: Callable[[str], None]) -> tuple[Machine, list[Foretold]]:
    """Take a machine's numbers from some rows, and foretell and measure others; all take turns.

    Args:
        folder: Where fronts on disk lie.
        rounds: How often each row is measured.
        say: Hears what has been done.
    """
    known, others = ([Watched(row, folder) for row in rows()] for rows in (calibrating_rows, foretold_rows))
    taken = take_turns([*known, *others], rounds, say)
    visits = [
        visit
        for watched, epochs in zip(known, taken, strict=False)
        for visit in visits_of(watched.row, watched.costs, epochs)
    ]
    machine = fit_machine(visits, network_rate())
    foretold = []
    for watched, epochs in zip(others, taken[len(known) :], strict=True):
        measured = median(sum(sum(parts.values()) for parts in one_round) for one_round in epochs)
        foretold.append(Foretold(watched.row, foretell(watched.row, watched.costs, machine), measured))
    return machine, foretold


def foretell(row: Row, costs: Sequence[LayerCost], machine: Machine) -> float:
    """Say how long a row takes."""
    machine = machine if row.augmentation else replace(machine, augmentation=0.0)
    if row.method == "simultaneous":
        return simultaneous_seconds(costs, machine, row.images, row.batch_size)
    assert row.front in get_args(Front), "rows of waves name a front"
    return wave_seconds(costs, machine, row.images, row.batch_size, cast(Front, row.front))


def calibration_report(machine: Machine, foretold: Sequence[Foretold], command: str) -> dict[str, Any]:
    """Gather what was found, on what and by which command."""
    return {
        "command": command,
        "machine": describe_machine(),
        "rates": machine.to_json(),
        "foretold": [asdict(each) | {"error": each.error} for each in foretold],
    }


def _row(group: str, network: str, **settings: Any) -> Row:
    usual: dict[str, Any] = {
        "method": "wave",
        "encoder": "pool",
        "front": "memory",
        "precision": "fp32",
        "width": QUARTER,
    }
    return Row(group, network, network, **usual | settings)
