"""Seconds on one device, against sums done by hand."""

from dataclasses import replace

import pytest

from lwtrain.scaling.cost import LayerCost, Work
from lwtrain.scaling.machine import Machine, Rate
from lwtrain.scaling.one_device import (
    Seconds,
    bandwidth_that_feeds,
    bandwidth_that_pays,
    simultaneous_seconds,
    visit,
    wave_seconds,
)

MACHINE = Machine(
    learning=Rate(100.0, 1000.0),
    resting=Rate(200.0, 1000.0),
    updating=50.0,
    memory=400.0,
    disk=40.0,
    network=80.0,
    step_seconds=0.5,
    epoch_seconds=3.0,
    layer_seconds=0.25,
    augmentation=0.01,
)
COSTS = [
    LayerCost("layer_0", Work(20.0, 100.0), 50.0, Work(10.0, 40.0), gradient_bytes=25, row_bytes=4),
    LayerCost("layer_1", Work(40.0, 60.0), 100.0, Work(20.0, 30.0), gradient_bytes=100, row_bytes=16),
    LayerCost("head", Work(2.0, 8.0), 10.0, Work(1.0, 4.0), gradient_bytes=10, row_bytes=8),
]


def test_a_visit_is_rolled_moved_learned_and_stepped() -> None:
    assert visit(COSTS, 1, MACHINE, 100, 30, "disk") == pytest.approx(
        Seconds(
            data=0.0,
            rolling=100 * (10 / 200 + 40 / 1000),
            moving=100 * (4 + 16 + 16) / 40,
            learning=100 * (40 / 100 + 60 / 1000) + 4 * (0.25 + 100 / 1000),
            stepping=3.0 + 4 * (0.5 + 100 / 50),
        )
    )


def test_the_first_layer_augments_and_rolls_nothing() -> None:
    seconds = visit(COSTS, 0, MACHINE, 100, 30, "memory")
    assert (seconds.data, seconds.rolling, seconds.moving) == pytest.approx((1.0, 0.0, 100 * 8 / 400))


def test_without_a_front_all_layers_below_run_and_augmentation_too() -> None:
    seconds = visit(COSTS, 2, MACHINE, 100, 30, "recompute")
    rolling = 100 * (10 / 200 + 40 / 1000 + 20 / 200 + 30 / 1000)
    assert (seconds.data, seconds.rolling, seconds.moving) == pytest.approx((1.0, rolling, 0.0))


def test_a_wave_is_its_visits() -> None:
    visits = [visit(COSTS, layer, MACHINE, 100, 30, "disk") for layer in range(3)]
    assert wave_seconds(COSTS, MACHINE, 100, 30, "disk") == pytest.approx(sum(map(sum, visits)))


def test_together_layers_learn_alike_and_step_once() -> None:
    visits = [visit(COSTS, layer, MACHINE, 100, 30, "recompute") for layer in range(3)]
    learning = sum(seconds.learning for seconds in visits)
    stepping = 3.0 + 4 * (0.5 + 135 / 50)
    assert simultaneous_seconds(COSTS, MACHINE, 100, 30) == pytest.approx(1.0 + 100 * 8 / 400 + learning + stepping)


@pytest.mark.parametrize("overlaps", [False, True])
def test_a_disk_that_just_pays_takes_as_long_as_running_again(overlaps: bool) -> None:
    machine = replace(MACHINE, overlaps=overlaps, step_seconds=0.0, epoch_seconds=0.0, layer_seconds=0.0)
    costs = [replace(cost, gradient_bytes=0, step_bytes=0.0) for cost in COSTS]
    machine = replace(machine, disk=bandwidth_that_pays(costs, machine, 2))
    kept, again = (visit(costs, 2, machine, 100, 30, front).total(machine) for front in ("disk", "recompute"))
    assert kept == pytest.approx(again)


def test_a_disk_that_keeps_up_moves_in_the_time_of_computing() -> None:
    machine = replace(MACHINE, step_seconds=0.0, epoch_seconds=0.0, layer_seconds=0.0)
    costs = [replace(cost, gradient_bytes=0, step_bytes=0.0) for cost in COSTS]
    seconds = visit(costs, 1, replace(machine, disk=bandwidth_that_feeds(costs, machine, 1)), 100, 30, "disk")
    assert seconds.moving == pytest.approx(seconds.rolling + seconds.learning)


def test_a_machine_is_read_as_it_was_written() -> None:
    assert Machine.from_json(MACHINE.to_json()) == MACHINE
