from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from tiny import differing, fit, tensors, tiny_stack

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.arithmetic import work_of_layers
from lwtrain.callbacks.time_left import TimeLeft
from lwtrain.stack import LayerStack
from lwtrain.time_left import Estimate


class Clock:
    """Tells a time that passes only when something is done: so much for a batch of each layer, and for a validation."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Work(pl.Callback):
    """Lets time pass, and asks what is left behind each epoch."""

    def __init__(self, clock: Clock, time_left: TimeLeft, batch: Callable[[int], float]) -> None:
        self.clock, self.time_left, self.batch = clock, time_left, batch
        self.said: list[Estimate | None] = []
        self.ends: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *given: Any) -> None:
        assert isinstance(pl_module, LayerStack)
        self.clock.now += self.batch(pl_module.learners[-1])

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.clock.now += 0.5

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch:
            self.said.append(self.time_left.estimate(trainer))
            self.ends.append(self.clock.now)


def run(schedule: LayerSchedule, batch: Callable[[int], float], **settings: Any) -> tuple[Work, float]:
    clock = Clock()
    time_left = TimeLeft(schedule, clock=clock)
    work = Work(clock, time_left, batch)
    fit(schedule, callbacks=[work, time_left], **settings)
    return work, clock.now


def test_from_the_second_wave_on_the_end_is_foreseen() -> None:
    work, end = run(WaveSchedule(3, 3), lambda layer: 10.0 + 5 * layer)
    for said, now in zip(work.said[2:], work.ends[2:], strict=True):
        assert said == Estimate(pytest.approx(end - now), sure=True)


def test_in_the_first_wave_it_is_guessed_by_arithmetic() -> None:
    shares = work_of_layers(tiny_stack())
    work, end = run(WaveSchedule(2, 2), lambda layer: shares[layer] / 1e3)
    for said, now in zip(work.said[:2], work.ends[:2], strict=True):
        assert said is not None
        assert not said.sure
        assert said.seconds == pytest.approx(end - now, rel=0.05)


@pytest.mark.parametrize("make", [lambda: BackpropSchedule(3), lambda: SimultaneousSchedule(3)])
def test_where_all_train_together_epochs_are_counted(make: Callable[[], LayerSchedule]) -> None:
    work, end = run(make(), lambda layer: 7.0)
    assert [said.seconds for said in work.said if said] == pytest.approx([end - now for now in work.ends])


def test_epochs_of_other_sizes_are_measured_by_them() -> None:
    schedule, clock, sizes = SimultaneousSchedule(4), Clock(), [0.25, 0.5, 0.75, 1.0]
    time_left = TimeLeft(schedule, clock=clock, sizes=lambda trainer, stack: sizes)

    class Grows(Work):
        def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *given: Any) -> None:
            self.clock.now += 8.0 * sizes[trainer.current_epoch]

        def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            pass

    work = Grows(clock, time_left, float)
    fit(schedule, callbacks=[work, time_left])
    assert [said.seconds for said in work.said if said] == pytest.approx([clock.now - now for now in work.ends])


def test_a_resumed_run_measures_anew(tmp_path: Path) -> None:
    fit(WaveSchedule(2, 2), folder=tmp_path, max_epochs=3)
    schedule, clock = WaveSchedule(2, 2), Clock()
    time_left = TimeLeft(schedule, clock=clock)
    work = Work(clock, time_left, lambda layer: 3.0)
    fit(schedule, callbacks=[work, time_left], resume=tmp_path / "last.ckpt")
    first, *others = work.said
    assert first is None
    assert [said and said.sure for said in others] == [False, False]


def test_what_follows_the_fit_is_foreseen_by_validation() -> None:
    schedule, clock = WaveSchedule(2, 2), Clock()
    plain, tested = TimeLeft(schedule, clock=clock), TimeLeft(schedule, tests=True, flips=True, clock=clock)
    said: list[float] = []

    class Asks(Work):
        def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            estimates = [each.estimate(trainer) for each in (plain, tested)]
            if trainer.current_epoch == 5 and all(estimates):
                said.append(estimates[1].seconds - estimates[0].seconds)

    fit(schedule, callbacks=[plain, tested, Asks(clock, plain, lambda layer: 1.0)])
    data = tested._passes
    assert said == [pytest.approx(3 * 0.5 * data)]
    assert data > 2  # mirror images, in validation and on the test images


def test_compiling_is_not_expected_again() -> None:
    schedule, clock, compiled = WaveSchedule(2, 2), Clock(), [0.0]
    time_left = TimeLeft(schedule, clock=clock, compiling=lambda: compiled[0])

    class Compiles(Work):
        def on_train_batch_start(self, trainer: pl.Trainer, *given: Any) -> None:
            if trainer.current_epoch < 3 and trainer.fit_loop.batch_idx == 0:
                compiled[0] += 100.0
                clock.now += 100.0

    work = Compiles(clock, time_left, lambda layer: 1.0)
    fit(schedule, callbacks=[work, time_left])
    assert work.said[2] is not None
    assert work.said[2].seconds < 50


@pytest.mark.parametrize("encoder", ["c", "pool"])
def test_training_does_not_change_by_its_presence(encoder: str) -> None:
    schedules = [WaveSchedule(1, 1), WaveSchedule(1, 1)]
    stacks = [tiny_stack(encoder=encoder) for _ in schedules]
    fit(schedules[0], stacks[0], callbacks=[TimeLeft(schedules[0])])
    fit(schedules[1], stacks[1])
    assert differing(*map(tensors, stacks)) == []
