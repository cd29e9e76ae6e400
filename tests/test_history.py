from itertools import count

import pytest
from tiny import tiny_data, tiny_stack

from lwtrain import History, WaveSchedule, quiet_trainer
from lwtrain.history import Point


def test_every_point_tells_when() -> None:
    ticks = count()
    history = History(clock=lambda: float(next(ticks)))
    history.log_metrics({"loss": 2.0, "accuracy": 0.1}, step=5)
    history.log_metrics({"loss": 1.0}, step=10)
    assert history.points("loss") == [Point(5, 1.0, 2.0), Point(10, 2.0, 1.0)]
    assert history["accuracy"] == [0.1]
    assert history.tags == ["accuracy", "loss"]


def test_its_last_figures_are_those_of_the_network() -> None:
    history, stack = History(), tiny_stack()
    quiet_trainer(WaveSchedule(epochs=2, waves=2), logger=history, accelerator="cpu").fit(stack, tiny_data())
    assert {tag: history[tag][-1] for tag in history.tags} == {tag: stack.figures[tag] for tag in history.tags}
    assert "vote/val/accuracy" in history.tags


def test_an_unknown_tag_is_told_with_the_known_ones() -> None:
    history = History()
    history.log_metrics({"loss": 2.0}, step=5)
    with pytest.raises(KeyError, match="los: nothing has been logged by this tag; choose one of loss"):
        history["los"]
