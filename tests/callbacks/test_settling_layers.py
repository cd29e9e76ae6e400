"""Layers that learn at once and come to rest from below, one by one."""

import math
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tiny import differing, fit, tensors, tiny_data, tiny_stack, tiny_trainer

from lwtrain import LayerSchedule, PseudoLabels, SimultaneousSchedule, Together, Upper, WeightAverage
from lwtrain.callbacks.progress import place
from lwtrain.callbacks.time_left import TimeLeft
from lwtrain.data.augmentation import preset
from lwtrain.optimizers import OptimizerFactory
from lwtrain.schedules import Visit, simultaneous
from lwtrain.stack import LayerStack

SETTLING = SimultaneousSchedule(4, settle=0.5)  # of layer_0, layer_1 and head: layer_0 trains for two epochs
MOVING = [{"layer_0", "layer_1", "head"}] * 2 + [{"layer_1", "head"}] * 2


def stack() -> LayerStack:
    """One whose optimizer moves on what has once had a gradient."""
    return tiny_stack(optimizer=OptimizerFactory("sgd", 0.02, settings={"momentum": 0.9, "weight_decay": 0.1}))


class Watch(pl.Callback):
    """Remembers what moved in each epoch, the rates of each step, the images of each epoch, and what was shown."""

    def __init__(self) -> None:
        self.moved: list[set[str]] = []
        self.rates: list[dict[str, float]] = []
        self.views: list[torch.Tensor] = []
        self.entries: list[int] = []
        self.places: list[str] = []
        self.left: list[bool] = []
        self.time_left: TimeLeft | None = None

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.before = tensors(pl_module.layers)
        self.views.append(pl_module.front.images(torch.arange(36)))
        self.entries.append(pl_module.entry)
        (schedule,) = (callback for callback in trainer.callbacks if isinstance(callback, LayerSchedule))
        self.places.append(place(schedule, trainer, pl_module))
        if self.time_left is not None:
            self.left.append(self.time_left.estimate(trainer) is not None)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        self.rates.append({group["name"]: group["lr"] for group in optimizer.param_groups})

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        changed = differing(self.before, tensors(pl_module.layers))
        self.moved.append({pl_module.names[int(name.split(".")[0])] for name in changed})


@pytest.mark.parametrize(
    ("num_layers", "epochs", "settle", "visits"),
    [
        (3, 4, 0.5, [Visit(Together.SIMULTANEOUS, 2), Visit(Upper(1), 2, begin=2)]),
        (3, 4, 0.0, [Visit(Together.SIMULTANEOUS, 4)]),
        (3, 4, 0.1, [Visit(Together.SIMULTANEOUS, 4)]),
        (2, 4, 0.5, [Visit(Together.SIMULTANEOUS, 4)]),
        (1, 4, 0.5, [Visit(Together.SIMULTANEOUS, 4)]),
        (5, 9, 0.35, [Visit(Together.SIMULTANEOUS, 6), *(Visit(Upper(n), 1, begin=5 + n) for n in (1, 2, 3))]),
    ],
)
def test_layers_come_to_rest_from_below(num_layers: int, epochs: int, settle: float, visits: list[Visit]) -> None:
    assert list(simultaneous(num_layers, epochs, settle)) == visits
    assert sum(visit.epochs for visit in visits) == epochs


@pytest.mark.parametrize(
    ("epochs", "settle", "message"),
    [
        (4, 1.0, "schedule.settle=1.0: choose 0 or more and less than 1"),
        (4, -0.1, "schedule.settle=-0.1: choose 0 or more and less than 1"),
        (1, 0.9, "schedule.settle=0.9: of schedule.epochs=1 none is left for the first layer"),
    ],
)
def test_what_cannot_be_is_refused(epochs: int, settle: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(simultaneous(3, epochs, settle))


def test_what_rests_stands_still_bit_for_bit_and_the_others_learn() -> None:
    watch = Watch()
    fit(SETTLING, stack(), callbacks=[watch])
    assert watch.moved == MOVING
    assert watch.entries == [0, 0, 1, 1]


def test_each_layers_rate_falls_to_its_own_end() -> None:
    watch = Watch()
    fit(SETTLING, stack(), callbacks=[watch])
    steps = {"layer_0": 8, "layer_1": 16, "head": 16}
    for name, own in steps.items():
        rates = [step[name] for step in watch.rates[:own]]
        assert rates == pytest.approx([0.02 * (1 - step / own) for step in range(own)])


def test_every_epoch_sees_the_images_anew() -> None:
    watch = Watch()
    fit(SETTLING, stack(), tiny_data(augmentation=preset("heavy_10")), callbacks=[watch])
    pairs = [(one, other) for one in range(4) for other in range(one)]
    assert not any(torch.equal(watch.views[one], watch.views[other]) for one, other in pairs)


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_run_goes_on_bit_for_bit(front: str, after: int, tmp_path: Path) -> None:
    def schedule() -> LayerSchedule:
        return SimultaneousSchedule(4, settle=0.5, front=front)

    def data() -> Any:
        return tiny_data(augmentation=preset("light"))

    whole = fit(schedule(), stack(), data())
    fit(schedule(), stack(), data(), folder=tmp_path, max_epochs=after)
    resumed = fit(schedule(), stack(), data(), resume=tmp_path / "last.ckpt", seed=9)
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []
    assert resumed.figures["vote/val/accuracy"] == whole.figures["vote/val/accuracy"]


def test_layers_that_are_trained_already_do_not_count() -> None:
    visits = SimultaneousSchedule(4, settle=0.5, rest={1, 2}).visits(num_layers=3)
    assert visits == [Visit(Together.SIMULTANEOUS, 2)]
    watch = Watch()
    fit(SimultaneousSchedule(4, settle=0.5, rest={2}), stack(), callbacks=[watch])
    assert watch.moved == [{"layer_0", "layer_1"}] * 2 + [{"layer_1"}] * 2


def test_it_is_told_who_trains_and_how_long_it_takes() -> None:
    schedule = SimultaneousSchedule(4, settle=0.5)
    watch = Watch()
    watch.time_left = TimeLeft(schedule)
    trainer = tiny_trainer(schedule, watch.time_left, watch)
    trainer.fit(stack(), datamodule=tiny_data())
    assert watch.places == [
        "all layers  epoch 1/4",
        "all layers  epoch 2/4",
        "layers 2 to 3  epoch 3/4",
        "layers 2 to 3  epoch 4/4",
    ]
    assert watch.left == [False, True, True, True]


def test_networks_of_ones_own_settle_too() -> None:
    class Own(pl.LightningModule):
        """Two layers that each fit a constant."""

        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleList([torch.nn.Linear(1, 1), torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)])
            self.trained: list[list[bool]] = []

        def training_step(self, batch: torch.Tensor, batch_idx: int) -> torch.Tensor:
            self.trained.append([layer.training for layer in self.layers])
            losses = [(layer(batch) - 1).square().mean() for layer in self.layers if layer.training]
            return torch.stack(losses).sum()

        def train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(torch.ones(2, 1), batch_size=2)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    module = Own()
    tiny_trainer(SimultaneousSchedule(4, settle=0.5)).fit(module)
    assert module.trained == [[True, True, True]] * 2 + [[False, True, True]] * 2


def test_no_layer_learns_twice_from_the_same_pseudo_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, ask = [], PseudoLabels._ask

    def watched(labels: PseudoLabels, network: Any, data: Any) -> Any:
        asked.append(network.trainer.current_epoch)
        return ask(labels, network, data)

    monkeypatch.setattr(PseudoLabels, "_ask", watched)
    schedule = SimultaneousSchedule(4, settle=0.5)
    fit(schedule, stack(), callbacks=[PseudoLabels(schedule)])
    assert asked == [1, 2, 3]


def test_means_are_of_each_layers_own_last_epochs() -> None:
    class Ends(pl.Callback):
        """Keeps the first layer's weights at the end of each epoch, before they are averaged."""

        def __init__(self) -> None:
            self.weights: list[torch.Tensor] = []

        def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            self.weights.append(next(pl_module.layers[0].parameters()).detach().clone())

    schedule, ends = SimultaneousSchedule(4, settle=0.5, course="constant"), Ends()
    network = fit(schedule, stack(), callbacks=[ends, WeightAverage(schedule, 2)])
    mean = (ends.weights[0] + ends.weights[1]) / 2
    assert torch.allclose(next(network.layers[0].parameters()), mean)
    assert not math.isclose(float((ends.weights[0] - ends.weights[1]).abs().max()), 0.0)
