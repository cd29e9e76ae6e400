from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from lwtrain.schedules import Moment, Together, sequential, simultaneous, timetable, wave
from lwtrain.time_left import Estimate, Kind, duration, foreseen, recent, time_left

Cost = Callable[[Moment], float]


def played(moments: list[Moment], cost: Cost, done: int) -> dict[Kind, float]:
    """The timings after `done` epochs."""
    timings: dict[Kind, list[float]] = {}
    for moment in moments[:done]:
        timings.setdefault(Kind.of(moment), []).append(cost(moment))
    return recent(timings)


@given(
    costs=some.lists(some.floats(0.1, 1000), min_size=2, max_size=6),
    waves=some.integers(2, 5),
    closing=some.floats(0, 100),
)
def test_after_the_first_wave_all_is_known(costs: list[float], waves: int, closing: float) -> None:
    layers = len(costs)
    moments = timetable(wave(layers, epochs=waves, waves=waves))
    timed = played(moments, lambda moment: costs[int(moment.visit.layer)], done=layers)
    estimate = time_left([Kind.of(moment) for moment in moments[layers:]], timed, {}, closing=closing)
    assert estimate == Estimate(pytest.approx((waves - 1) * sum(costs) + closing), sure=True)


@given(costs=some.lists(some.floats(0.1, 1000), min_size=2, max_size=6), done=some.integers(1, 5))
def test_within_the_first_wave_work_stands_for_time(costs: list[float], done: int) -> None:
    moments = timetable(wave(len(costs), epochs=3, waves=3))
    done = min(done, len(costs) - 1)
    timed = played(moments, lambda moment: costs[int(moment.visit.layer)], done)
    work = {layer: 1e9 * cost for layer, cost in enumerate(costs)}
    estimate = time_left([Kind.of(moment) for moment in moments[done:]], timed, work)
    assert estimate == Estimate(pytest.approx(3 * sum(costs) - sum(costs[:done])), sure=False)


def test_first_epochs_of_a_visit_have_a_time_of_their_own() -> None:
    moments = timetable(sequential(num_layers=2, epochs=10))
    timed = played(moments, lambda moment: 9.0 if moment.epoch == 0 else 2.0, done=11)
    assert time_left([Kind.of(moment) for moment in moments[11:]], timed, {}) == Estimate(9 * 9.0, sure=False)
    timed = played(moments, lambda moment: 9.0 if moment.epoch == 0 else 2.0, done=12)
    assert time_left([Kind.of(moment) for moment in moments[12:]], timed, {}) == Estimate(8 * 2.0, sure=True)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_the_pace_of_the_epoch_under_way_tells_before_any_is_over(share: float) -> None:
    kinds = [Kind.of(moment) for moment in timetable(simultaneous(num_layers=3, epochs=4))]
    estimate = time_left(kinds, {}, {}, elapsed=100 * share, share=share)
    assert estimate == Estimate(pytest.approx(400 - 100 * share), sure=False)


def test_nothing_is_said_rather_than_nonsense() -> None:
    kinds = [Kind(0, first=True), Kind(1, first=True)]
    assert time_left(kinds, {}, {0: 1.0, 1: 1.0}) is None
    assert time_left(kinds, {}, {0: 1.0, 1: 1.0}, elapsed=1.0, share=0.05) is None
    assert time_left(kinds, {kinds[0]: 1.0}, {}) is None  # nobody knows what layer 1 takes
    assert time_left([], {}, {}) is None


def test_an_epoch_that_takes_longer_than_foreseen_leaves_no_debt() -> None:
    kinds = [Kind(0, first=True), Kind(0, first=True)]
    assert time_left(kinds, {kinds[0]: 10.0}, {}, elapsed=25.0) == Estimate(10.0, sure=True)


def test_what_follows_the_last_epoch_makes_it_unsure_as_long_as_nobody_knows() -> None:
    kinds = [Kind(0, first=True)]
    assert time_left(kinds, {kinds[0]: 10.0}, {}, closing=None) == Estimate(10.0, sure=False)


def test_layers_without_work_to_compare_are_unknown() -> None:
    assert foreseen(Kind(Together.BACKPROP, first=True), {Kind(0, first=True): 3.0}, {0: 1.0}) is None


@example(seconds=12.0)  # tens from there on
@example(seconds=15.0)
@given(seconds=some.floats(0, 1e6))
def test_words_are_near_the_number(seconds: float) -> None:
    units = {"h": 3600, "min": 60, "s": 1}
    words = duration(seconds).split()
    said = sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    assert said == pytest.approx(seconds, abs=1.0 if seconds < 10 else 5.0, rel=0.05)


def test_epochs_that_grow_are_foreseen_by_their_size() -> None:
    kinds = [Kind(Together.SIMULTANEOUS, first=False)] * 3
    timed = {kinds[0]: 100.0}  # what a whole one would take
    assert time_left(kinds, timed, {}, sizes=[0.5, 0.75, 1.0], elapsed=20.0) == Estimate(205.0, sure=True)
    assert time_left(kinds, {}, {}, sizes=[0.5, 0.75, 1.0], elapsed=10.0, share=0.5) == Estimate(
        10.0 + 30.0 + 40.0, sure=False
    )
