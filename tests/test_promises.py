"""What lwtrain promises of a whole run: locality, the same training whatever the front, and seeds."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import pytest
import pytorch_lightning as pl
import torch
from tiny import differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor, nn

from lwtrain import (
    BackpropSchedule,
    CustomSchedule,
    LayerSchedule,
    SequentialSchedule,
    WaveSchedule,
)
from lwtrain.backbones import BACKBONES
from lwtrain.building import build_stack
from lwtrain.data.augmentation import preset
from lwtrain.data.load import Split
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.optimizers import OptimizerFactory
from lwtrain.stack import LayerStack

SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "sequential": lambda front: SequentialSchedule(2, front=front),
    "wave": lambda front: WaveSchedule(2, 2, front=front),
    "wave of two epochs a visit": lambda front: WaveSchedule(4, 2, front=front),
    "wave of different epochs": lambda front: WaveSchedule([4, 2, 2], 2, front=front),
    "custom": lambda front: CustomSchedule(
        [{"layer": 1}, {"layer": 0, "epochs": 2}, {"layer": "head"}, {"layer": "head"}, {"layer": 0}], front=front
    ),
    "backprop": lambda front: BackpropSchedule(2, front=front),
}


def run(schedule: LayerSchedule, seed: int = 0, data_seed: int = 0, stack_seed: int = 0) -> LayerStack:
    data = tiny_data(augmentation=preset("heavy_10"), seed=data_seed)
    return fit(schedule, tiny_stack(stack_seed), data, seed=seed)


# Locality


class Epoch(NamedTuple):
    """One epoch's active layer, with copies of everything before and after it."""

    active: int
    before: dict[str, Tensor]
    after: dict[str, Tensor]


class Watch(pl.Callback):
    """Copies all tensors around every epoch, the optimizer's too, and notes who has a gradient in every step."""

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []
        self.gradients: list[tuple[int, set[int]]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._before = self._everything(trainer, pl_module)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        holders = {
            number
            for number, part in enumerate(pl_module.layers)
            if any(parameter.grad is not None for parameter in part.parameters())
        }
        self.gradients.append((pl_module.learners[0], holders))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        after = self._everything(trainer, pl_module)
        self.epochs.append(
            Epoch(pl_module.learners[0], {name: self._before.get(name, Tensor()) for name in after}, after)
        )

    @staticmethod
    def _everything(trainer: pl.Trainer, stack: pl.LightningModule) -> dict[str, Tensor]:
        """Tensors by name; those of the optimizer by their parameter's name, with what they are behind it."""
        state = trainer.optimizers[0].state
        kept = {
            f"{name}/{key}": value.clone()
            for name, parameter in stack.layers.named_parameters()
            for key, value in state[parameter].items()
            if parameter in state
        }
        return tensors(stack.layers) | kept


@pytest.fixture(scope="module", params=["memory", "disk", "recompute"])
def watch(request: pytest.FixtureRequest) -> Watch:
    """Two waves of two epochs a visit, by an optimizer that would also move what has no gradient if it could."""
    watch = Watch()
    optimizer = OptimizerFactory("adamw", lr=1e-2, settings={"weight_decay": 0.1})
    data = tiny_data(augmentation=preset("heavy_10"))
    fit(WaveSchedule(4, 2, front=request.param), tiny_stack(optimizer=optimizer), data, callbacks=[watch])
    return watch


def test_resting_layers_do_not_move(watch: Watch) -> None:
    assert [epoch.active for epoch in watch.epochs] == [0, 0, 1, 1, 2, 2] * 2
    for active, before, after in watch.epochs:
        resting = [name for name in differing(before, after) if not name.startswith(f"{active}.")]
        assert resting == []


def test_everything_of_the_active_layer_moves(watch: Watch) -> None:
    for active, before, after in watch.epochs:
        own = {name for name in after if name.startswith(f"{active}.")}
        assert set(differing(before, after)) == own
        if active < 2:  # a layer with its sidecar, its alpha, its statistics, and what Adam keeps for them
            assert {f"{active}.layer.1.running_var", f"{active}.objective.alpha.x/exp_avg"} <= own
            assert f"{active}.sidecar.autoencoder.decoder.0.norm.running_mean" in own


def test_nothing_moves_between_epochs(watch: Watch) -> None:
    for number, (one, other) in enumerate(pairwise(watch.epochs)):
        last_visit_is_over = number in (7, 9)  # of layers 0 and 1: what the optimizer remembers of them is dropped
        forgotten = {name for name in one.after if "/" in name and name.startswith(f"{one.active}.")}
        assert one.after.keys() - other.before.keys() == (forgotten if last_visit_is_over else set())
        kept = {name: value for name, value in one.after.items() if name in other.before}
        assert differing(kept, {name: other.before[name] for name in kept}) == []


def test_no_gradient_crosses_from_layer_to_layer(watch: Watch) -> None:
    assert len(watch.gradients) == 12 * 4
    for active, holders in watch.gradients:
        assert holders == {active}


# The same training whatever the front


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_fronts_give_bitwise_the_same_weights(name: str) -> None:
    memory, *others = (run(SCHEDULES[name](front)) for front in ("memory", "disk", "recompute", "auto"))
    for other in others:
        assert differing(tensors(memory.layers), tensors(other.layers)) == []
        assert memory.figures == other.figures
    assert len(differing(tensors(memory.layers), tensors(tiny_stack().layers))) > 0


def test_all_fronts_train_a_vgg_alike() -> None:
    def vgg(front: str) -> dict[str, Tensor]:
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        images = torch.randint(0, 256, (300, 3, 16, 16), dtype=torch.uint8, generator=generator)
        data = SemiSupervisedDataModule(Split(images, torch.arange(300) % 10), labels=90, augmentation=preset("light"))
        backbone = BACKBONES["vgg8b"]("vgg8b", (3, 16, 16), 10, width=0.0625)
        stack = build_stack(backbone, encoder="pool").to(memory_format=torch.channels_last)
        return tensors(fit(WaveSchedule(2, 2, front=front), stack, data).layers)

    recomputed = vgg("recompute")
    for front in ("memory", "disk"):
        assert differing(vgg(front), recomputed) == []


class Passes:
    """Counts the rows that enter a layer: in steps of its own, on the way to a higher layer, and to be heard."""

    def __init__(self, stack: LayerStack) -> None:
        self.steps, self.onward, self.inside = [0, 0], [0, 0], [0, 0]
        for number, part in enumerate(stack.layers[:2]):
            part.register_forward_hook(lambda _, inputs, __, number=number: self._add(self.onward, number, inputs))
            part.layer.register_forward_hook(lambda _, inputs, __, number=number: self._inside(number, inputs))

    def _inside(self, number: int, inputs: tuple[Tensor]) -> None:
        self._add(self.steps if torch.is_grad_enabled() else self.inside, number, inputs)

    @staticmethod
    def _add(rows: list[int], number: int, inputs: tuple[Tensor]) -> None:
        rows[number] += len(inputs[0]) if len(inputs[0]) > 1 else 0  # not the one that is sent ahead to be measured

    @property
    def heard(self) -> list[int]:
        return [inside - onward for inside, onward in zip(self.inside, self.onward, strict=True)]


@pytest.mark.parametrize("front", ["memory", "disk"])
def test_a_front_that_is_kept_passes_each_split_through_each_layer_once_a_wave(front: str) -> None:
    stack, waves = tiny_stack(), 3
    passes = Passes(stack)
    fit(WaveSchedule(waves, waves, front=front), stack)
    assert passes.steps == [waves * 48] * 2
    assert passes.onward == [waves * 48] * 2  # training rows
    assert passes.heard == [waves * 12] * 2  # validation rows: heard and handed on in one pass


def test_recomputing_passes_every_batch_through_all_layers_below() -> None:
    stack, waves = tiny_stack(), 3
    passes = Passes(stack)
    fit(WaveSchedule(waves, waves, front="recompute"), stack)
    assert passes.steps == [waves * 48] * 2
    assert passes.onward == [waves * 2 * (48 + 12), waves * (48 + 12)]


# Seeds


@pytest.mark.parametrize("name", SCHEDULES)
def test_runs_with_one_seed_agree(name: str) -> None:
    one, same = (run(SCHEDULES[name]("memory")) for _ in range(2))
    assert differing(tensors(one.layers), tensors(same.layers)) == []
    assert one.figures == same.figures


@pytest.mark.parametrize("other", [{"seed": 1}, {"data_seed": 1}, {"stack_seed": 1}])
def test_every_seed_has_its_say(other: dict[str, int]) -> None:
    one, changed = run(SCHEDULES["wave"]("memory")), run(SCHEDULES["wave"]("memory"), **other)
    assert len(differing(tensors(one.layers), tensors(changed.layers))) > 10


def test_a_run_does_not_depend_on_what_was_drawn_before_its_epochs() -> None:
    class Draws(pl.Callback):
        def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            torch.rand(7)
            nn.Linear(3, 3)

    drawn = fit(WaveSchedule(2, 2), tiny_stack(), callbacks=[Draws()])
    assert differing(tensors(drawn.layers), tensors(fit(WaveSchedule(2, 2), tiny_stack()).layers)) == []
