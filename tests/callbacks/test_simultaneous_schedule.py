import copy
from itertools import pairwise
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from saved_bytes import SavedBytes
from tiny import CLASSES, differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.backbones.backbone import Backbone
from lwtrain.building import build_stack
from lwtrain.data.augmentation import preset
from lwtrain.layer import HorizontalLayer
from lwtrain.optimizers import OptimizerFactory
from lwtrain.stack import LayerStack

EPOCHS, LR = 2, 0.05


class Batches(pl.Callback):
    """Remembers what the network was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[Tensor, Tensor]] = []

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: LayerStack, outputs: object, batch: object, number: int
    ) -> None:
        self.shown.append((pl_module.front[batch.rows].clone(), batch.labels))


def plain_stack(num_layers: int) -> LayerStack:
    """A net of equal layers with light sidecars; memory can only grow with it by what is kept of each layer."""
    channels = [3, *[8] * num_layers]
    layers = [
        nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU())
        for before, after in pairwise(channels)
    ]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, CLASSES))
    backbone = Backbone("plain", (3, 8, 8), CLASSES, layers, [nn.Identity() for _ in layers], head)
    return build_stack(backbone, encoder="pool", objective="prediction").to(memory_format=torch.channels_last)


def test_every_layer_learns_from_its_own_loss_alone_with_one_step_per_batch() -> None:
    make = OptimizerFactory("sgd", lr=LR, settings={"momentum": 0.9})
    stack, batches = tiny_stack(dropout=0.0, optimizer=make), Batches()
    reference = copy.deepcopy(stack)
    fit(SimultaneousSchedule(EPOCHS, course="constant"), stack, callbacks=[batches])

    optimizer = reference.configure_optimizers()
    for inputs, labels in batches.shown:
        optimizer.zero_grad()
        for part in reference.layers:
            part.local_step(inputs, labels).losses.total.backward()
            if isinstance(part, HorizontalLayer):
                frozen = copy.deepcopy(part)  # a second pass moves batch-norm statistics: not the reference's
                inputs = frozen.train()(inputs).detach()
        optimizer.step()
    assert len(batches.shown) == EPOCHS * 4
    ours, theirs = tensors(stack.layers), tensors(reference.layers)
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-5, atol=1e-6, msg=name)
    moved = set(differing(ours, tensors(tiny_stack(dropout=0.0).layers)))
    assert all(any(name.startswith(f"{number}.") for name in moved) for number in range(3))


def test_one_optimizer_step_is_made_per_batch() -> None:
    steps: list[int] = []

    class Steps(pl.Callback):
        def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            steps.append(trainer.global_step)

    fit(SimultaneousSchedule(EPOCHS), callbacks=[Steps()])
    assert steps == [EPOCHS * 4]


def test_every_layer_runs_forward_once_per_batch() -> None:
    stack, calls = tiny_stack(), [0, 0, 0]

    def count(number: int) -> None:
        calls[number] += torch.is_grad_enabled()

    for number, module in enumerate([stack.layers[0].layer, stack.layers[1].layer, stack.layers[2].classifier]):
        module.register_forward_hook(lambda *_, number=number: count(number))
    fit(SimultaneousSchedule(EPOCHS), stack)
    assert calls == [EPOCHS * 4] * 3


def peak(schedule: LayerSchedule, num_layers: int) -> int:
    counter = SavedBytes()
    with counter.watch():
        fit(schedule, plain_stack(num_layers), tiny_data(labels="all"))
    assert counter.now == 0
    return counter.peak


def test_one_layers_graph_lives_at_a_time() -> None:
    assert peak(SimultaneousSchedule(1), 12) == peak(SimultaneousSchedule(1), 3)


def test_end_to_end_the_graph_grows_with_depth() -> None:
    assert peak(BackpropSchedule(1), 12) > 3 * peak(BackpropSchedule(1), 3)


def test_all_layers_are_measured_and_vote_in_every_epoch() -> None:
    stack = fit(SimultaneousSchedule(EPOCHS))
    for name in stack.names:
        assert {f"{name}/train/loss", f"{name}/train/accuracy", f"{name}/val/accuracy"} <= stack.figures.keys()
    assert stack.voters.all()
    assert stack.complete_vote is not None
    data = tiny_data()
    with torch.no_grad():
        fresh = stack.eval().vote(data.train.images[data.held_out])
    torch.testing.assert_close(stack.ballots.vote([0, 1, 2])[0], fresh, rtol=0, atol=1e-6)


def test_trained_layers_rest_among_those_that_learn() -> None:
    stack = tiny_stack()
    before = tensors(stack.layers)
    fit(SimultaneousSchedule(EPOCHS, rest={1}), stack)
    moved = {name.split(".")[0] for name in differing(tensors(stack.layers), before)}
    assert moved == {"0", "2"}
    assert stack.voters.all()


def test_where_all_layers_rest_there_is_nothing_to_do() -> None:
    assert SimultaneousSchedule(EPOCHS, rest={0, 1, 2}).timetable(3) == []
    assert len(SimultaneousSchedule(EPOCHS, rest={0, 1}).timetable(3)) == EPOCHS


@pytest.mark.parametrize("front", ["memory", "recompute"])
def test_a_resumed_run_goes_on_bit_for_bit(front: str, tmp_path: Path) -> None:
    def data() -> pl.LightningDataModule:
        return tiny_data(augmentation=preset("light"))

    whole = fit(SimultaneousSchedule(3, front="memory"), data=data())
    fit(SimultaneousSchedule(3, front=front), data=data(), folder=tmp_path, max_epochs=2)
    resumed = fit(SimultaneousSchedule(3, front=front), tiny_stack(seed=9), data(), resume=tmp_path / "last.ckpt")
    assert differing(tensors(whole.layers), tensors(resumed.layers)) == []


def test_gradients_add_up_over_batches_where_the_trainer_asks_for_it() -> None:
    norms: list[Tensor] = []

    class Norms(pl.Callback):
        def on_before_optimizer_step(
            self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
        ) -> None:
            norms.append(torch.stack([p.grad.norm() for p in pl_module.layers[0].parameters()]))

    frozen = OptimizerFactory("sgd", lr=1e-30)
    fit(SimultaneousSchedule(1), tiny_stack(dropout=0.0, optimizer=frozen), callbacks=[Norms()])
    apart, norms = norms, []
    stack = tiny_stack(dropout=0.0, optimizer=frozen)
    fit(SimultaneousSchedule(1), stack, callbacks=[Norms()], accumulate_grad_batches=4)
    assert (len(apart), len(norms)) == (4, 1)
    # The mean's norm is at most the mean norm, and of gradients that mostly agree not much less.
    mean = torch.stack(apart).mean(dim=0)
    assert (norms[0] <= mean * 1.001).all()
    assert norms[0].norm() > mean.norm() / 4


def test_a_wave_may_come_before(tmp_path: Path) -> None:
    first = fit(WaveSchedule(epochs=1, waves=1))
    stack = tiny_stack()
    stack.load_state_dict(first.state_dict())
    fit(SimultaneousSchedule(1), stack)
    assert differing(tensors(stack.layers), tensors(first.layers))
