import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tiny import fit, tiny_data, tiny_images, tiny_stack, tiny_trainer
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import BackpropSchedule, LayerSchedule, LayerStack, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import load_checkpoint
from lwtrain.data.augmentation import Augmentation, preset
from lwtrain.fronts.held import HeldFront
from lwtrain.loggers import RunCSVLogger
from lwtrain.part_times import PARTS, turn_to
from lwtrain.peak_memory import peak_memory_mib


@pytest.mark.parametrize(
    ("schedule", "images"),
    [
        (WaveSchedule(2, 2), 6 * 48),  # each epoch passes one layer
        (BackpropSchedule(2), 2 * 48 * 3),  # each epoch passes all three
    ],
)
def test_images_count_once_for_each_layer_they_pass(schedule: LayerSchedule, images: int) -> None:
    stopwatch = Stopwatch(schedule)
    fit(schedule, callbacks=[stopwatch])
    assert stopwatch.layer_images == images
    assert stopwatch.images_per_second > 0


def test_images_of_a_plain_loader_count_too() -> None:
    schedule, split = WaveSchedule(1, 1, front="recompute"), tiny_images()
    stopwatch, loader = Stopwatch(schedule), DataLoader(TensorDataset(split.images, split.labels), batch_size=16)
    tiny_trainer(schedule, stopwatch).fit(tiny_stack(), loader, loader)
    assert stopwatch.layer_images == 3 * 48


def test_a_resumed_run_goes_on_counting(tmp_path: Path) -> None:
    schedule = WaveSchedule(2, 2)
    first = Stopwatch(schedule)
    fit(schedule, callbacks=[first], folder=tmp_path, max_epochs=4)
    state = load_checkpoint(tmp_path / "last.ckpt")["callbacks"]["Stopwatch"]
    rest = state["seconds_by_part"]["rest"]
    assert rest < first.seconds_by_part["rest"]  # what followed the checkpoint, its writing for one
    assert state == {
        "seconds_by_part": pytest.approx(first.seconds_by_part | {"rest": rest}),
        "layer_images": 4 * 48,
        "peak_memory_mib": pytest.approx(first.peak_memory_mib, rel=0.1),
    }
    schedule = WaveSchedule(2, 2)
    second = Stopwatch(schedule)
    fit(schedule, callbacks=[second], resume=tmp_path / "last.ckpt")
    assert second.layer_images == 6 * 48
    assert all(second.seconds_by_part[part] > first.seconds_by_part[part] > 0 for part in PARTS)
    assert second.seconds == pytest.approx(sum(second.seconds_by_part.values()))


def test_seconds_of_a_checkpoint_that_knows_no_parts_are_kept() -> None:
    stopwatch = Stopwatch(WaveSchedule(1, 1))
    stopwatch.load_state_dict({"seconds": 5.0, "layer_images": 48})
    assert stopwatch.seconds == stopwatch.seconds_by_part["rest"] == 5.0
    assert stopwatch.peak_memory_mib > 100  # this process's own


def test_a_resumed_run_has_the_peak_of_all_its_processes() -> None:
    greedy, frugal = peak_memory_mib() + 5000, 1.0
    for earlier in (greedy, frugal):
        stopwatch = Stopwatch(WaveSchedule(1, 1))
        stopwatch.load_state_dict({"layer_images": 48, "peak_memory_mib": earlier})
        expected = pytest.approx(max(earlier, peak_memory_mib()))
        assert stopwatch.peak_memory_mib == stopwatch.state_dict()["peak_memory_mib"] == expected


class Clock:
    """Stands still until something is done that takes time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def takes(self, seconds: float, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let a function take so many seconds."""

        @wraps(function)
        def slow(*arguments: Any, **settings: Any) -> Any:
            self.now += seconds
            return function(*arguments, **settings)

        return slow


class SlowData(TensorDataset):
    def __init__(self, clock: Clock, seconds: float) -> None:
        split = tiny_images()
        super().__init__(split.images, split.labels)
        self.clock, self.seconds = clock, seconds

    def __getitem__(self, number: int) -> tuple[torch.Tensor, ...]:
        self.clock.now += self.seconds
        return super().__getitem__(number)


class SlowEpochEnd(pl.Callback):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def on_train_epoch_end(self, *_: object) -> None:
        self.clock.now += 1000.0


def slow_stack(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> LayerStack:
    """A stack whose losses take 3 seconds, backward passes 4, steps 5."""
    stack = tiny_stack()
    for number in range(len(stack.layers)):
        part = stack.part(number)
        monkeypatch.setattr(part, "local_step", clock.takes(3.0, part.local_step))
    monkeypatch.setattr(stack, "backward", clock.takes(4.0, stack.backward))
    make = stack.configure_optimizers

    def slow_optimizer() -> torch.optim.Optimizer:
        optimizer = make()
        optimizer.register_step_post_hook(lambda *_: setattr(clock, "now", clock.now + 5.0))
        return optimizer

    monkeypatch.setattr(stack, "configure_optimizers", slow_optimizer)
    return stack


@pytest.mark.parametrize(
    ("schedule", "epochs", "losses", "backwards"),
    [
        (WaveSchedule(1, 1, front="recompute"), 3, 9, 9),
        (SimultaneousSchedule(1, front="recompute"), 1, 9, 9),
        (BackpropSchedule(1, front="recompute"), 1, 3, 3),
    ],
)
def test_each_part_gets_its_own_seconds(
    schedule: LayerSchedule, epochs: int, losses: int, backwards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    stopwatch, stack = Stopwatch(schedule, clock), slow_stack(clock, monkeypatch)
    loader, other = (DataLoader(SlowData(clock, seconds), batch_size=16) for seconds in (1.0, 100.0))
    trainer = tiny_trainer(schedule, SlowEpochEnd(clock), stopwatch, num_sanity_val_steps=1)
    trainer.fit(stack, loader, other)
    assert stopwatch.seconds_by_part == {
        "data": epochs * 48 * 1.0,
        "front": 0.0,
        "loss": losses * 3.0 + backwards * 4.0,
        "step": 5.0 * epochs * 3,
        "validation": epochs * 48 * 100.0,
        "rest": epochs * 1000.0,
    }


def test_rolling_the_front_and_making_views_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, schedule = Clock(), WaveSchedule(1, 1, front="memory")
    stopwatch, stack = Stopwatch(schedule, clock), tiny_stack()
    monkeypatch.setattr(HeldFront, "_roll", clock.takes(10.0, HeldFront._roll))
    monkeypatch.setattr(Augmentation, "draw", clock.takes(1.0, Augmentation.draw))
    data = tiny_data(augmentation=preset("light"))
    fit(schedule, stack, data, callbacks=[stopwatch])
    # Three layers, each with a front of its own; the validation front is handed on, and rolled once.
    assert {part: seconds for part, seconds in stopwatch.seconds_by_part.items() if seconds} == {
        "front": 3 * 10.0,
        "data": 1.0,
        "validation": 10.0,
    }


def test_time_of_a_running_epoch_is_not_lost_where_it_is_validated_midway(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, schedule = Clock(), WaveSchedule(1, 1, front="recompute")
    stopwatch, stack = Stopwatch(schedule, clock), slow_stack(clock, monkeypatch)
    loader, other = (DataLoader(SlowData(clock, seconds), batch_size=16) for seconds in (1.0, 100.0))
    tiny_trainer(schedule, stopwatch, val_check_interval=1).fit(stack, loader, other)
    assert stopwatch.seconds_by_part["data"] == 3 * 48
    assert stopwatch.seconds_by_part["validation"] == 3 * 3 * 48 * 100
    assert stopwatch.seconds == clock.now


def test_gathering_gradients_over_batches_takes_fewer_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, schedule = Clock(), WaveSchedule(1, 1, front="recompute")
    stopwatch, stack = Stopwatch(schedule, clock), slow_stack(clock, monkeypatch)
    loader = DataLoader(SlowData(clock, 1.0), batch_size=16)
    tiny_trainer(schedule, stopwatch, accumulate_grad_batches=3).fit(stack, loader, loader)
    assert (stopwatch.seconds_by_part["step"], stopwatch.seconds_by_part["loss"]) == (3 * 5.0, 9 * 7.0)


def test_what_follows_the_last_epochs_figures_counts() -> None:
    class Slow(pl.Callback):
        def on_train_epoch_end(self, *_: Any) -> None:  # after the stopwatch's own
            time.sleep(0.2)

    schedule = WaveSchedule(1, 1)
    stopwatch = Stopwatch(schedule)
    fit(schedule, callbacks=[stopwatch, Slow()])
    assert stopwatch.seconds_by_part["rest"] > 3 * 0.2


def test_an_epoch_that_breaks_off_counts_until_then() -> None:
    class Breaking(pl.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            time.sleep(0.2)
            raise RuntimeError

    schedule = WaveSchedule(1, 1)
    stopwatch = Stopwatch(schedule)
    with pytest.raises(RuntimeError):
        fit(schedule, callbacks=[stopwatch, Breaking()])
    assert stopwatch.seconds > 0.2


def test_a_fit_that_breaks_off_leaves_no_clock_running() -> None:
    schedule = WaveSchedule(1, 1)
    stopwatch = Stopwatch(schedule)

    class Broken(pl.Callback):
        def on_train_batch_end(self, *_: object) -> None:
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fit(schedule, callbacks=[stopwatch, Broken()])
    spent = dict(stopwatch._times.seconds)
    turn_to("loss")
    assert stopwatch._times.seconds == spent


def test_an_epoch_is_written_with_its_place_its_rate_and_its_cost(tmp_path: Path) -> None:
    schedule, logger = WaveSchedule(2, 2), RunCSVLogger(tmp_path)
    fit(schedule, callbacks=[Stopwatch(schedule)], logger=logger)
    row = logger._rows[20]  # the fifth epoch: layer 1 in the second wave
    assert (row["schedule/wave"], row["schedule/layer"]) == (1, 1)
    assert row["layer_1/lr"] == pytest.approx(1e-3 / 8)  # before the last of layer 1's 8 steps
    assert not {"layer_0/lr", "head/lr"} & row.keys()
    assert row["speed/images_per_second"] > 0
    assert sum(row[f"time/{part}"] for part in PARTS) > row["time/loss"] > 0
    assert row["memory/peak_mib"] == pytest.approx(peak_memory_mib(), rel=0.5)


class Losses(pl.Callback):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: dict[str, torch.Tensor], *_: object
    ) -> None:
        self.losses.append(outputs["loss"].item())


def test_the_loss_is_written_now_and_then(tmp_path: Path) -> None:
    schedule, logger, losses = WaveSchedule(1, 1), RunCSVLogger(tmp_path), Losses()
    fit(schedule, callbacks=[Stopwatch(schedule), losses], logger=logger, log_every_n_steps=3)
    written = {step: row["train/loss"] for step, row in logger._rows.items() if "train/loss" in row}
    assert written == {step: losses.losses[step - 1] for step in (3, 6, 9, 12)}
