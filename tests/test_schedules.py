import re
import subprocess
import sys
from itertools import groupby, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwtrain.schedules import (
    Together,
    Upper,
    Visit,
    backprop,
    custom,
    own_epochs,
    sequential,
    simultaneous,
    timetable,
    wave,
)

NUM_LAYERS, WAVES, SHARE = st.integers(1, 8), st.integers(1, 5), st.integers(1, 4)
VISITS = st.lists(
    st.fixed_dictionaries({"layer": st.sampled_from([0, 1, 2, 3, "head"])}, optional={"epochs": st.integers(1, 3)}),
    min_size=1,
    max_size=8,
)


@settings(deadline=None)
@given(NUM_LAYERS, WAVES, SHARE)
def test_every_layer_trains_for_its_epochs(num_layers: int, waves: int, share: int) -> None:
    visits = list(wave(num_layers, waves * share, waves))
    for layer in range(num_layers):
        assert sum(visit.epochs for visit in visits if visit.layer == layer) == waves * share


@settings(deadline=None)
@given(NUM_LAYERS, WAVES, SHARE)
def test_every_wave_sweeps_once_from_the_first_layer_to_the_head(num_layers: int, waves: int, share: int) -> None:
    sweeps = [(number, list(sweep)) for number, sweep in groupby(wave(num_layers, waves * share, waves), _wave)]
    assert [number for number, _ in sweeps] == list(range(waves))
    for number, sweep in sweeps:
        assert sweep == [Visit(layer, share, number) for layer in range(num_layers)]


@settings(deadline=None)
@given(st.lists(SHARE, min_size=1, max_size=8), WAVES)
def test_layers_may_have_different_epochs_in_each_wave(shares: list[int], waves: int) -> None:
    sweeps = [list(sweep) for _, sweep in groupby(wave(len(shares), [waves * share for share in shares], waves), _wave)]
    one = [(layer, share) for layer, share in enumerate(shares)]
    assert [[(visit.layer, visit.epochs) for visit in sweep] for sweep in sweeps] == [one] * waves


def test_a_list_of_epochs_is_short_for_a_list_of_visits() -> None:
    listed = [{"layer": 0, "epochs": 13}, {"layer": 1, "epochs": 8}, {"layer": "head", "epochs": 1}]
    assert list(sequential(3, [13, 8, 1])) == list(custom(3, listed))


@settings(deadline=None)
@given(NUM_LAYERS, WAVES, SHARE)
def test_a_list_of_equal_epochs_changes_nothing(num_layers: int, waves: int, share: int) -> None:
    assert list(wave(num_layers, [waves * share] * num_layers, waves)) == list(wave(num_layers, waves * share, waves))


@pytest.mark.parametrize(
    ("epochs", "waves", "message"),
    [
        ([4, 2], 1, "schedule.epochs=[4,2]: 2 numbers for 3 layers; give one for each, the head's last"),
        ([], 1, "schedule.epochs=[]: 0 numbers for 3 layers; give one for each, the head's last"),
        ([4, 2, 0], 1, "schedule.epochs=[4,2,0]: choose 1 or more for each layer"),
        ([4, 2, 1], 2, "schedule.waves=2: choose a divisor of each of schedule.epochs=[4,2,1]"),
        ([4, 2, 2], 0, "schedule.waves=0: choose a divisor of each of schedule.epochs=[4,2,2]"),
    ],
)
def test_lists_of_epochs_that_cannot_be_are_refused(epochs: list[int], waves: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        list(wave(3, epochs, waves))


@settings(deadline=None)
@given(NUM_LAYERS, SHARE)
def test_sequential_visits_each_layer_once(num_layers: int, epochs: int) -> None:
    assert list(sequential(num_layers, epochs)) == [Visit(layer, epochs) for layer in range(num_layers)]


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(-2, 30))
def test_waves_that_do_not_divide_the_epochs_are_refused(epochs: int, waves: int) -> None:
    if waves >= 1 and epochs % waves == 0:
        assert len(list(wave(2, epochs, waves))) == 2 * waves
    else:
        with pytest.raises(ValueError, match=f"^schedule.waves={waves}: choose a divisor of schedule.epochs={epochs}$"):
            list(wave(2, epochs, waves))


@pytest.mark.parametrize("visits", [lambda: wave(3, 0, 1), lambda: sequential(3, 0), lambda: backprop(3, 0)])
def test_no_epochs_are_refused(visits: Any) -> None:
    with pytest.raises(ValueError, match=r"^schedule\.epochs=0: choose 1 or more$"):
        list(visits())


def test_backprop_and_simultaneous_are_one_visit_to_all_layers() -> None:
    assert list(backprop(5, epochs=7)) == [Visit(Together.BACKPROP, 7)]
    assert list(simultaneous(5, epochs=7)) == [Visit(Together.SIMULTANEOUS, 7)]


@settings(deadline=None)
@given(VISITS)
def test_custom_keeps_the_list_as_it_is(entries: list[dict[str, Any]]) -> None:
    visits = list(custom(5, entries))
    assert [visit.layer for visit in visits] == [4 if entry["layer"] == "head" else entry["layer"] for entry in entries]
    assert [visit.epochs for visit in visits] == [entry.get("epochs", 1) for entry in entries]


@settings(deadline=None)
@given(VISITS)
def test_custom_begins_a_wave_wherever_the_list_turns_back(entries: list[dict[str, Any]]) -> None:
    visits = list(custom(5, entries))
    assert visits[0].wave == 0
    for before, after in pairwise(visits):
        assert after.wave - before.wave == (after.layer <= before.layer)


def test_custom_takes_waves_that_are_given() -> None:
    visits = custom(3, [{"layer": 0, "wave": 4}, {"layer": 1}, {"layer": 1, "wave": 4}, {"layer": 0}])
    assert [visit.wave for visit in visits] == [4, 4, 4, 5]


@pytest.mark.parametrize(
    ("visits", "message"),
    [
        ([], r"^schedule\.visits=\[\]: name at least one visit"),
        ([{"layer": 0}, {"layer": 3}], r"^schedule\.visits\[1\]\.layer=3: choose 0 to 1, or head$"),
        ([{"layer": -1}], r"^schedule\.visits\[0\]\.layer=-1: choose"),
        ([{"layer": "head", "epochs": 0}], r"^schedule\.visits\[0\]\.epochs=0: choose 1 or more$"),
    ],
)
def test_custom_refuses_what_cannot_be_visited(visits: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(custom(3, visits))


@settings(deadline=None)
@given(VISITS)
def test_the_timetable_has_a_moment_for_every_epoch(entries: list[dict[str, Any]]) -> None:
    visits = list(custom(5, entries))
    moments = timetable(visits)
    assert [moment.visit for moment in moments] == [visit for visit in visits for _ in range(visit.epochs)]
    assert [moment.epoch for moment in moments] == [epoch for visit in visits for epoch in range(visit.epochs)]


@settings(deadline=None)
@given(VISITS)
def test_every_epoch_is_the_own_of_the_layer_that_trains(entries: list[dict[str, Any]]) -> None:
    moments = timetable(custom(5, entries))
    own = own_epochs(moments, num_layers=5)
    assert sorted(epoch for epochs in own.values() for epoch in epochs) == list(range(len(moments)))
    for layer, epochs in own.items():
        assert epochs == sorted(epochs)
        assert {moments[epoch].visit.layer for epoch in epochs} == {layer}


def test_layers_that_train_together_share_epochs_with_those_of_their_own() -> None:
    visits = [Visit(0, 1), Visit(Together.BACKPROP, 1), Visit(Upper(1), 2), Visit(2, 1)]
    assert own_epochs(timetable(visits), num_layers=3, rest={1}) == {0: [0, 1], 2: [1, 2, 3, 4]}


def test_schedules_need_no_torch() -> None:
    code = "import sys, lwtrain.schedules; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def _wave(visit: Visit) -> int:
    return visit.wave
