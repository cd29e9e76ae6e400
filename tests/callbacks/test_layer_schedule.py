import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import pytorch_lightning as pl
import torch
from tiny import differing, fit, tensors, tiny_data, tiny_stack

from lwtrain import BackpropSchedule, CustomSchedule, LayerSchedule, SequentialSchedule, WaveSchedule
from lwtrain.checkpoints import load_checkpoint
from lwtrain.courses import Course
from lwtrain.data.augmentation import preset
from lwtrain.loggers import RunCSVLogger
from lwtrain.optimizers import OptimizerFactory
from lwtrain.schedules import Visit
from lwtrain.stack import LayerStack

RATES = {"layer_0": 0.03, "layer_1": 0.02, "head": 0.01}
SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "sequential": lambda **settings: SequentialSchedule(2, **settings),
    "wave": lambda **settings: WaveSchedule(4, 2, **settings),
    "uneven wave": lambda **settings: WaveSchedule([4, 2, 2], 2, **settings),
    "custom": lambda **settings: CustomSchedule(
        [{"layer": 0}, {"layer": "head"}, {"layer": 1, "epochs": 2}, {"layer": 0, "epochs": 2}], **settings
    ),
}


class Watch(pl.Callback):
    """Remembers every step's active layer and rates, and every epoch's images as layer 0 would read them."""

    def __init__(self) -> None:
        self.rates: list[tuple[str, dict[str, float]]] = []
        self.views: list[torch.Tensor] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module.front._view, object)
        self.views.append(pl_module.front._view[torch.arange(48)])

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        self.rates.append((pl_module.active_name, {group["name"]: group["lr"] for group in optimizer.param_groups}))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize(
    ("course", "left"),
    [
        ("constant", lambda progress: 1.0),
        ("linear", lambda progress: 1.0 - progress),
        ("cosine", lambda progress: 0.5 + 0.5 * math.cos(math.pi * progress)),
    ],
)
def test_every_layers_rate_follows_its_course_over_its_own_epochs(
    name: str, course: str, left: Callable[[float], float]
) -> None:
    watch, optimizer = Watch(), OptimizerFactory("sgd", lr=list(RATES.values()))
    fit(SCHEDULES[name](course=course), tiny_stack(optimizer=optimizer), callbacks=[watch])
    for layer, initial in RATES.items():
        own = [rates[layer] for active, rates in watch.rates if active == layer]
        assert own == pytest.approx([initial * left(step / len(own)) for step in range(len(own))])
    assert len(watch.rates) == 4 * {"sequential": 6, "wave": 12, "uneven wave": 8, "custom": 6}[name]


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_halved_after_epochs_of_the_layers_own(name: str) -> None:
    watch, optimizer = Watch(), OptimizerFactory("sgd", lr=list(RATES.values()))
    fit(SCHEDULES[name](course=Course("halving", halve_every=1)), tiny_stack(optimizer=optimizer), callbacks=[watch])
    for layer, initial in RATES.items():
        own = [rates[layer] for active, rates in watch.rates if active == layer]
        assert own == [initial * 0.5 ** (step // 4) for step in range(len(own))]


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_drop_after_shares_of_the_layers_own_epochs(name: str) -> None:
    watch, optimizer = Watch(), OptimizerFactory("sgd", lr=list(RATES.values()))
    schedule = SCHEDULES[name](course=Course("steps", drops_at=(0.25, 0.5), drop_factor=0.2))
    fit(schedule, tiny_stack(optimizer=optimizer), callbacks=[watch])
    for layer, initial in RATES.items():
        own = [rates[layer] for active, rates in watch.rates if active == layer]
        drops = [sum(step >= share * len(own) for share in (0.25, 0.5)) for step in range(len(own))]
        assert own == pytest.approx([initial * 0.2**number for number in drops])


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_rise_over_the_first_share_of_the_layers_own_epochs(name: str) -> None:
    watch, optimizer = Watch(), OptimizerFactory("sgd", lr=list(RATES.values()))
    fit(SCHEDULES[name](course=Course(warm_up=0.25)), tiny_stack(optimizer=optimizer), callbacks=[watch])
    for layer, initial in RATES.items():
        own = [rates[layer] for active, rates in watch.rates if active == layer]
        shares = [step / len(own) for step in range(len(own))]
        assert own == pytest.approx([initial * min(share / 0.25, (1 - share) / 0.75) for share in shares])


def test_the_rates_of_resting_layers_stand_still() -> None:
    watch, optimizer = Watch(), OptimizerFactory("sgd", lr=list(RATES.values()))
    fit(WaveSchedule(4, 2), tiny_stack(optimizer=optimizer), callbacks=[watch])
    for (_, before), (active, after) in zip(watch.rates, watch.rates[1:], strict=False):
        assert {name for name in RATES if before[name] != after[name]} <= {active}


def test_all_layers_of_a_wave_see_one_view_and_the_next_wave_another() -> None:
    watch = Watch()
    fit(WaveSchedule(4, 2), data=tiny_data(augmentation=preset("heavy_10")), callbacks=[watch])
    views = {(epoch // 6, epoch % 2): view for epoch, view in enumerate(watch.views)}  # (wave, epoch of the visit)
    for epoch, view in enumerate(watch.views):
        for place, other in views.items():
            assert torch.equal(view, other) == (place == (epoch // 6, epoch % 2))


@pytest.mark.parametrize(("max_epochs", "run"), [(-1, 12), (1000, 12), (12, 12), (5, 5)])
def test_the_schedule_decides_how_long_a_run_is(max_epochs: int, run: int) -> None:
    assert fit(WaveSchedule(4, 2), max_epochs=max_epochs).trainer.current_epoch == run


@pytest.mark.parametrize("limits", [{"limit_train_batches": 2}, {"limit_val_batches": 2}, {"limit_train_batches": 0.5}])
def test_a_limited_run_trains_and_resumes_alike(
    limits: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("lwtrain.data.module.CHUNK", "lwtrain.fronts.front.CHUNK"):
        monkeypatch.setattr(place, 4)  # three batches of validation images
    whole = fit(WaveSchedule(2, 2), logger=RunCSVLogger(tmp_path / "whole"), **limits)
    validated = 8 if "limit_val_batches" in limits else 12
    assert whole.trainer.global_step == 6 * (2 if "limit_train_batches" in limits else 4)
    assert {len(whole.ballots.of(layer)[1]) for layer in range(3)} == {validated}

    folder = tmp_path / "stopped"
    fit(WaveSchedule(2, 2), folder=folder, max_epochs=5, logger=RunCSVLogger(folder), **limits)
    step = load_checkpoint(folder / "last.ckpt")["global_step"]
    resumed = fit(WaveSchedule(2, 2), resume=folder / "last.ckpt", logger=RunCSVLogger(folder, step), **limits)
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []
    assert resumed.figures["vote/val/accuracy"] == whole.figures["vote/val/accuracy"]
    assert torch.equal(resumed.ballots.vote([0, 1, 2])[0], whole.ballots.vote([0, 1, 2])[0])


def test_a_dry_run_of_lightnings_writes_nothing(tmp_path: Path) -> None:
    stack = fit(WaveSchedule(2, 2), folder=tmp_path, fast_dev_run=2, max_epochs=None)
    assert stack.trainer.global_step == 2
    assert not list(tmp_path.iterdir())


def test_sanity_checks_leave_no_trace() -> None:
    checked, plain = (fit(WaveSchedule(2, 2), num_sanity_val_steps=steps) for steps in (2, 0))
    assert differing(tensors(checked.layers), tensors(plain.layers)) == []
    assert checked.figures == plain.figures


def test_every_epoch_draws_other_numbers_for_its_modules() -> None:
    class Draws(pl.Callback):
        seeds: ClassVar[set[int]] = set()

        def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: torch.Tensor) -> None:
            self.seeds.add(torch.initial_seed())

    fit(WaveSchedule(4, 2), callbacks=[Draws()])
    assert len(Draws.seeds) == 12


def test_layers_that_rest_are_not_visited() -> None:
    moments = WaveSchedule(2, 2, rest={1}).timetable(num_layers=3)
    assert [moment.visit for moment in moments] == [Visit(0, 1, 0), Visit(2, 1, 0), Visit(0, 1, 1), Visit(2, 1, 1)]


def test_an_epoch_that_broke_off_leaves_nothing_in_the_figures() -> None:
    class BreaksOff(pl.Callback):
        """Raises in the middle of the first epoch."""

        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            if trainer.global_step == 2:
                raise KeyError("broken off")

    stack, fresh = tiny_stack(), tiny_stack()
    with pytest.raises(KeyError, match="broken off"):
        fit(SequentialSchedule(1), stack, callbacks=[BreaksOff()])
    stack.load_state_dict(fresh.state_dict())
    again, whole = (fit(SequentialSchedule(1), each) for each in (stack, fresh))
    tag = "layer_0/train/loss"
    assert again.figures[tag] == whole.figures[tag]


def test_a_trained_layer_rests_end_to_end_too() -> None:
    stack = tiny_stack()
    before = tensors(stack.layers)
    fit(BackpropSchedule(1, rest={0}), stack)
    moved = {name.split(".")[0] for name in differing(before, tensors(stack.layers))}
    assert moved == {"1", "2"}


def test_a_custom_schedule_can_be_carried_out_again() -> None:
    schedule = CustomSchedule(visit for visit in [{"layer": 0}, {"layer": 1}])
    assert len(schedule.timetable(3)) == len(schedule.timetable(3)) == 2


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
def test_all_activations_are_let_go_at_the_end(front: str) -> None:
    stack = fit(WaveSchedule(1, 1, front=front))
    assert stack.front is None
    assert stack.validation_front is None


def test_unknown_settings_name_the_choices() -> None:
    with pytest.raises(ValueError, match=r"^front=disc: choose auto, memory, disk or recompute$"):
        WaveSchedule(1, 1, front="disc")
    with pytest.raises(ValueError, match=r"^front\.views=0: choose fresh, or 1 or more$"):
        WaveSchedule(1, 1, views=0)
    with pytest.raises(ValueError, match=r"^optimizer\.course=step: choose constant, linear, cosine, halving, steps$"):
        WaveSchedule(1, 1, course="step")


def test_a_schedule_that_cannot_be_stops_the_fit_before_it_begins() -> None:
    with pytest.raises(ValueError, match=r"schedule\.waves=2: choose a divisor of schedule\.epochs=3"):
        fit(WaveSchedule(epochs=3, waves=2))


def test_every_batch_has_to_hold_a_label() -> None:
    with pytest.raises(ValueError, match=r"^labels=3: too few to put one into each batch; choose batches=half$"):
        tiny_data(labels=3, batches="proportional", batch_size=6)


def test_layers_rest_though_nothing_validates_between_visits() -> None:
    def trained(epochs: int) -> LayerStack:
        stack = tiny_stack()
        stack.micro_batch = 6  # gradients are set to zeros, by which Adam's moments would move a resting layer on
        return fit(WaveSchedule(2, 2), stack, max_epochs=epochs, limit_val_batches=0)

    assert differing(tensors(trained(2).layers[0]), tensors(trained(1).layers[0])) == []


def test_visits_are_those_of_the_run_without_layers_at_rest() -> None:
    assert WaveSchedule(2, 2, rest={1}).visits(num_layers=3) == [
        Visit(0, 1, 0),
        Visit(2, 1, 0),
        Visit(0, 1, 1),
        Visit(2, 1, 1),
    ]
