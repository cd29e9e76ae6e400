"""Seconds on many devices: one is none too many, and a line of ranks is what a simulation of it takes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_one_device import COSTS, MACHINE

from lwtrain.scaling.many_devices import Pipeline, data_parallel_wave_seconds, pipelined
from lwtrain.scaling.one_device import simultaneous_seconds, wave_seconds


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
def test_one_device_shares_with_nobody(front: str) -> None:
    one = data_parallel_wave_seconds(COSTS, MACHINE, 100, 30, devices=1, front=front)  # type: ignore[arg-type]
    assert one == pytest.approx(wave_seconds(COSTS, MACHINE, 100, 30, front))  # type: ignore[arg-type]


def test_devices_share_images_and_add_gradients_up() -> None:
    share = wave_seconds(COSTS, MACHINE, 25, 5)
    adding = 5 * 2 * 3 / 4 * (25 + 100 + 10) / 80
    assert data_parallel_wave_seconds(COSTS, MACHINE, 100, 5, devices=4) == pytest.approx(share + adding)


def test_one_rank_learns_as_all_layers_at_once() -> None:
    machine = replace(MACHINE, epoch_seconds=0.0)
    together = simultaneous_seconds(COSTS, machine, 90, 30)
    assert pipelined(COSTS, machine, 90, 30, ranks=1).seconds == pytest.approx(together)


def test_a_rank_learns_and_sends() -> None:
    pipeline = pipelined(COSTS, MACHINE, 90, 30, ranks=2)
    first = 0.5 + 30 * 0.01 + 30 * 8 / 400 + 30 * (20 / 100 + 100 / 1000) + 0.25 + 50 / 1000 + 25 / 50
    assert (pipeline.deal, pipeline.steps) == ([range(0, 1), range(1, 3)], 3)
    assert pipeline.batch[0] == pytest.approx(first + 30 * 16 / 80)


def test_replicas_add_up_what_their_rank_learns() -> None:
    alone, four = (pipelined(COSTS, MACHINE, 360, 30, ranks=3, replicas=count) for count in (1, 4))
    assert (alone.steps, four.steps) == (12, 3)
    assert four.batch[1] - alone.batch[1] == pytest.approx(2 * 3 / 4 * 100 / 80)


@given(batch=st.lists(st.integers(1, 9), min_size=1, max_size=5), steps=st.integers(1, 9))
def test_the_line_takes_what_its_simulation_takes(batch: list[int], steps: int) -> None:
    done = [0] * len(batch)  # when each rank is done with its latest batch
    for _ in range(steps):
        arrived = 0
        for rank, seconds in enumerate(batch):
            done[rank] = arrived = max(arrived, done[rank]) + seconds
    pipeline = Pipeline([range(rank, rank + 1) for rank in range(len(batch))], [float(each) for each in batch], steps)
    assert pipeline.seconds == done[-1]
    assert pipeline.idle[0] == pytest.approx(1 - steps * batch[0] / done[-1])
