"""The visits that settings ask for are those that the schedule carries out."""

import pytest

from lwtrain.callbacks.named_schedules import SCHEDULES
from lwtrain.config.loading import load_config
from lwtrain.config.visits import epochs_of_layers, visits_of
from lwtrain.from_config import build_schedule

LINES = [
    "schedule=sequential schedule.epochs=3",
    "schedule=sequential schedule.epochs=[5,4,3,2,1]",
    "schedule=wave schedule.epochs=6 schedule.waves=3",
    "schedule=wave schedule.epochs=[4,4,2,2,2] schedule.waves=2",
    "schedule=simultaneous schedule.epochs=4",
    "schedule=simultaneous schedule.epochs=8 schedule.settle=0.5",
    "schedule=pipelined schedule.epochs=4",
    "schedule=backprop schedule.epochs=4",
    "schedule=custom schedule.visits=[{layer:0,epochs:2},{layer:head},{layer:0,wave:3}]",
]


@pytest.mark.parametrize("line", LINES)
def test_settings_ask_for_what_the_schedule_carries_out(line: str) -> None:
    config = load_config([*line.split(), "model=vgg11", "model.layer_depth=2"])
    num_layers = config.model.num_layers + 1
    schedule = build_schedule(config, rest=set())
    visits = list(visits_of(config.schedule, num_layers))
    assert visits == schedule.visits(num_layers)
    assert sum(visit.epochs for visit in visits) == len(schedule.timetable(num_layers))


def test_every_schedule_is_asked() -> None:
    assert {line.split()[0].removeprefix("schedule=") for line in LINES} == set(SCHEDULES)


def test_epochs_are_counted_by_layer_however_many_visits_it_has() -> None:
    config = load_config(
        ["model=vgg11", "schedule=custom", "schedule.visits=[{layer:0,epochs:2},{layer:head},{layer:0}]"]
    )
    assert epochs_of_layers(visits_of(config.schedule, 5), 5) == {0: 3, 4: 1}
