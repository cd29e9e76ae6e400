import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.part_times import PARTS, PartTimes, shares, spent_on, turn_to


class Clock:
    """Stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def times(clock: Clock) -> Iterator[PartTimes]:
    times = PartTimes(clock=clock)
    times.start()
    yield times
    times.stop()


def test_time_counts_towards_the_part_it_is_spent_on(times: PartTimes, clock: Clock) -> None:
    clock.now += 1
    with spent_on("front"):
        clock.now += 2
        with spent_on("data"):
            clock.now += 4
        clock.now += 8
    clock.now += 16
    turn_to("loss")
    clock.now += 32
    times.stop()
    assert times.seconds == dict.fromkeys(PARTS, 0.0) | {"rest": 17.0, "front": 10.0, "data": 4.0, "loss": 32.0}


@given(st.lists(st.tuples(st.sampled_from(sorted(PARTS)), st.integers(0, 1000)), max_size=20))
def test_parts_add_up_to_the_whole(changes: list[tuple[str, int]]) -> None:
    clock = Clock()
    times = PartTimes(clock=clock)
    times.start()
    for part, seconds in changes:
        turn_to(part)
        clock.now += seconds
    times.stop()
    assert sum(times.seconds.values()) == sum(seconds for _, seconds in changes)


def test_within_validation_all_is_validation(times: PartTimes, clock: Clock) -> None:
    with spent_on("validation"):
        with spent_on("front"):
            clock.now += 1
        turn_to("data")
        clock.now += 1
    assert times.seconds["validation"] == 2
    assert times.part == "rest"


def test_what_breaks_off_gives_the_clock_back(times: PartTimes, clock: Clock) -> None:
    def fail() -> None:
        with spent_on("front"):
            clock.now += 3
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (times.seconds["front"], times.part) == (3, "rest")


def test_a_stopped_clock_counts_no_more(times: PartTimes, clock: Clock) -> None:
    times.stop()
    with spent_on("front"):
        clock.now += 5
    turn_to("loss")
    times.stop()
    assert sum(times.seconds.values()) == 0


def test_threads_beside_the_one_that_trains_are_not_heard(times: PartTimes, clock: Clock) -> None:
    worker = threading.Thread(target=turn_to, args=("data",))
    worker.start()
    worker.join()
    assert times.part == "rest"


def test_what_was_counted_before_is_added_to(clock: Clock) -> None:
    times = PartTimes({"loss": 7.0}, clock)
    times.start()
    turn_to("loss")
    clock.now += 1
    times.stop()
    assert times.seconds["loss"] == 8


def test_shares_are_written_largest_first() -> None:
    assert shares({"data": 1.0, "loss": 7.0, "step": 2.0, "rest": 0.01}) == "loss 70 %, step 20 %, data 10 %"
    assert shares(dict.fromkeys(PARTS, 0.0)) == ""
