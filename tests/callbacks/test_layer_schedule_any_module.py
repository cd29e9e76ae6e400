"""Schedules for LightningModules of a user's own, which have `layers` and are no `LayerStack`."""

import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import ModelCheckpoint
from tiny import CLASSES, differing, tensors, tiny_data, tiny_images
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import (
    BackpropSchedule,
    CustomSchedule,
    LayerSchedule,
    SequentialSchedule,
    SimultaneousSchedule,
    WaveSchedule,
)
from lwtrain.schedules import Together

SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "sequential": lambda **settings: SequentialSchedule(2, **settings),
    "wave": lambda **settings: WaveSchedule(2, 2, **settings),
    "custom": lambda **settings: CustomSchedule(
        [{"layer": 0}, {"layer": "head"}, {"layer": 1, "epochs": 2}, {"layer": 0, "epochs": 2}], **settings
    ),
}
PAGE = Path(__file__).parents[2] / "docs" / "own_network.md"


class Images(pl.LightningDataModule):
    """Yields tiny images as floats, in an order that torch draws."""

    def __init__(self) -> None:
        super().__init__()
        self.data = TensorDataset(tiny_images().images / 255, tiny_images().labels)

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.data, batch_size=16, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.data, batch_size=24)


class EndToEnd(pl.LightningModule):
    """Nothing but layers, the last of which classifies, and a loss at the end: it has never heard of lwtrain."""

    def __init__(self) -> None:
        super().__init__()
        head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 8 * 8, CLASSES), nn.BatchNorm1d(CLASSES))
        self.layers = nn.ModuleList([convolution(3, 4), convolution(4, 6), head])

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        features, labels = batch
        for layer in self.layers:
            features = layer(features)
        return F.cross_entropy(features, labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self.log("val/loss", self.training_step(batch, batch_idx))

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad(set_to_none=False)  # by zeros and momentum, resting layers would move on


class Greedy(EndToEnd):
    """Each layer learns with a classifier of its own, that stands beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([convolution(3, 4), convolution(4, 6), convolution(6, 6)])
        self.classifiers = nn.ModuleList(nn.Linear(channels, CLASSES) for channels in (4, 6, 6))
        self.turns: list[int | Together] = []

    def activate(self, turn: int | Together) -> None:
        self.turns.append(turn)
        for number, classifier in enumerate(self.classifiers):
            classifier.requires_grad_(number == turn)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        features, labels = batch
        turn = self.turns[-1]
        assert isinstance(turn, int)
        for layer in self.layers[: turn + 1]:
            features = layer(features)
        return F.cross_entropy(self.classifiers[turn](features.mean(dim=(2, 3))), labels)

    def configure_optimizers(self) -> Any:
        groups = [
            {"params": layer.parameters(), "name": f"layer_{number}", "lr": 0.1 / (1 + number)}
            for number, layer in enumerate(self.layers)
        ]
        return torch.optim.Adam([*groups, {"params": self.classifiers.parameters(), "name": "beside", "lr": 0.02}])


class Epochs(pl.Callback):
    """Keeps the layers as they are before and after each epoch, the modes they are in, and each step's rates."""

    def __init__(self) -> None:
        self.kept: list[tuple[list[dict[str, Tensor]], list[dict[str, Tensor]]]] = []
        self.modes: list[list[tuple[bool, bool]]] = []
        self.rates: list[list[float]] = []
        self.seeds: list[int] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.before = [tensors(layer) for layer in pl_module.layers]

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        self.rates.append([group["lr"] for group in trainer.optimizers[0].param_groups])
        self.modes.append([_mode(layer) for layer in pl_module.layers])
        self.seeds.append(torch.initial_seed())

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.kept.append((self.before, [tensors(layer) for layer in pl_module.layers]))

    def moved(self, epoch: int) -> set[int]:
        """The layers that an epoch has moved."""
        return {number for number, pair in enumerate(zip(*self.kept[epoch], strict=True)) if differing(*pair)}


def _mode(layer: nn.Module) -> tuple[bool, bool]:
    """Whether all its modules are in train mode, and all its parameters want a gradient; the same for all or wrong."""
    (training,) = {module.training for module in layer.modules()}
    (learning,) = {parameter.requires_grad for parameter in layer.parameters()}
    return training, learning


def convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    convolve = nn.Conv2d(channels_in, channels_out, 3, padding=1)
    return nn.Sequential(convolve, nn.BatchNorm2d(channels_out), nn.ReLU(), nn.Dropout2d(0.1))


def fit(
    schedule: LayerSchedule, kind: type[pl.LightningModule] = Greedy, *callbacks: pl.Callback, **settings: Any
) -> pl.LightningModule:
    """Train as a user of Lightning does, with nothing of lwtrain but the schedule; `resume` names a checkpoint."""
    torch.manual_seed(0)
    module, resume, seed = kind(), settings.pop("resume", None), settings.pop("seed", 0)
    data = settings.pop("data", None) or Images()
    folder = settings.pop("folder", None)
    checkpoints = [] if folder is None else [ModelCheckpoint(folder, save_last=True)]
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=settings.pop("max_epochs", -1),
        logger=False,
        callbacks=[schedule, *callbacks, *checkpoints],
        enable_checkpointing=folder is not None,
        enable_progress_bar=False,
        enable_model_summary=False,
        **settings,
    )
    torch.manual_seed(seed)
    trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
    return module


def turns_of(schedule: LayerSchedule) -> list[int | Together]:
    return [moment.visit.layer for moment in schedule.timetable(3)]


@pytest.mark.parametrize("kind", [Greedy, EndToEnd])
@pytest.mark.parametrize("name", SCHEDULES)
def test_only_the_active_layer_moves_statistics_included(name: str, kind: type[pl.LightningModule]) -> None:
    epochs = Epochs()
    fit(SCHEDULES[name](), kind, epochs, limit_val_batches=0)  # Lightning drops gradients when it validates
    assert [epochs.moved(epoch) for epoch in range(6)] == [{turn} for turn in turns_of(SCHEDULES[name]())]
    for (before, after), turn in zip(epochs.kept, turns_of(SCHEDULES[name]()), strict=True):
        assert isinstance(turn, int)
        assert differing(before[turn], after[turn]) == list(before[turn])


@pytest.mark.parametrize("name", SCHEDULES)
def test_layers_at_rest_are_frozen_and_in_eval_mode(name: str) -> None:
    epochs = Epochs()
    fit(SCHEDULES[name](), Greedy, epochs)
    steps = [turn for turn in turns_of(SCHEDULES[name]()) for _ in range(3)]
    assert epochs.modes == [[(number == turn,) * 2 for number in range(3)] for turn in steps]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_module_hears_whose_turn_it_is_and_has_the_last_word(name: str) -> None:
    class Last(Greedy):
        def activate(self, turn: int | Together) -> None:
            super().activate(turn)
            self.layers[0][0].requires_grad_(False)

    module = fit(SCHEDULES[name](), Last)
    assert module.turns[0] == turns_of(SCHEDULES[name]())[0]  # before a first look at validation images
    assert module.turns[1:] == turns_of(SCHEDULES[name]())
    torch.manual_seed(0)
    assert torch.equal(module.layers[0][0].weight, Last().layers[0][0].weight)


@pytest.mark.parametrize(("max_epochs", "run"), [(-1, 6), (1000, 6), (4, 4)])
def test_the_schedule_decides_how_long_a_run_is(max_epochs: int, run: int) -> None:
    module = fit(WaveSchedule(2, 2), max_epochs=max_epochs)
    assert module.trainer.current_epoch == run
    assert not any(part.training for part in module.modules())


@pytest.mark.parametrize("name", SCHEDULES)
def test_named_groups_follow_their_layers_courses(name: str) -> None:
    epochs = Epochs()
    fit(SCHEDULES[name](), Greedy, epochs)
    steps = [turn for turn in turns_of(SCHEDULES[name]()) for _ in range(3)]
    for number in range(3):
        own = [rates[number] for rates, turn in zip(epochs.rates, steps, strict=True) if turn == number]
        assert own == pytest.approx([0.1 / (1 + number) * (1 - step / len(own)) for step in range(len(own))])
    assert {rates[3] for rates in epochs.rates} == {0.02}


def test_groups_may_bear_names_of_the_modules_own() -> None:
    class Named(Greedy):
        names = ("stem", "middle", "layer_0")

    epochs = Epochs()
    fit(CustomSchedule([{"layer": 2}]), Named, epochs)
    assert [rates[0] for rates in epochs.rates] == pytest.approx([0.1, 0.2 / 3, 0.1 / 3])
    assert {rates[2] for rates in epochs.rates} == {0.1 / 3}


def test_a_group_without_a_name_follows_the_layer_that_trains() -> None:
    epochs = Epochs()
    fit(SequentialSchedule(1), EndToEnd, epochs)
    assert [rates[0] for rates in epochs.rates] == pytest.approx([0.1, 0.2 / 3, 0.1 / 3] * 3)


class Scheduled(EndToEnd):
    """Sets its learning rates itself."""

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)]


def test_rates_can_be_left_to_the_module() -> None:
    epochs = Epochs()
    fit(SequentialSchedule(1, course=None), Scheduled, epochs)
    assert [rates[0] for rates in epochs.rates[::3]] == [0.1, 0.05, 0.025]
    with pytest.raises(
        ValueError, match=r"^course=linear: the schedule sets the learning rates, and so .*; choose None"
    ):
        fit(SequentialSchedule(1), Scheduled)


def test_every_epoch_has_a_seed_of_its_own_that_follows_from_the_runs() -> None:
    one, same, other = Epochs(), Epochs(), Epochs()
    weights = [
        tensors(fit(WaveSchedule(2, 2), Greedy, each, seed=seed)) for each, seed in ((one, 0), (same, 0), (other, 1))
    ]
    assert one.seeds == same.seeds
    assert len({*one.seeds, *other.seeds}) == 12
    assert differing(weights[0], weights[1]) == []
    assert differing(weights[0], weights[2])


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")
@pytest.mark.parametrize("kind", [Greedy, EndToEnd])
@pytest.mark.parametrize("epoch", [1, 4, 5])
def test_a_run_resumes_bit_for_bit(epoch: int, kind: type[pl.LightningModule], tmp_path: Path) -> None:
    whole = fit(SCHEDULES["custom"](), kind)
    fit(SCHEDULES["custom"](), kind, folder=tmp_path, max_epochs=epoch)
    resumed = fit(SCHEDULES["custom"](), kind, resume=tmp_path / "last.ckpt", folder=tmp_path, seed=9)
    assert resumed.trainer.current_epoch == 6
    assert differing(tensors(resumed), tensors(whole)) == []


@pytest.mark.parametrize("kind", [SimultaneousSchedule, BackpropSchedule])
@pytest.mark.parametrize("rest", [(), {1}])
def test_all_layers_train_together_but_those_at_rest(kind: type[LayerSchedule], rest: Collection[int]) -> None:
    epochs = Epochs()
    fit(kind(2, rest=rest), EndToEnd, epochs)  # type: ignore[arg-type]  # the number of epochs
    assert [epochs.moved(epoch) for epoch in range(2)] == [{0, 1, 2} - set(rest)] * 2


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"front": "memory"}, "front=memory"),
        ({"front": "recompute"}, "front=recompute"),
        ({"views": 2}, "views=2"),
        ({"front_folder": Path("fronts")}, "front_folder=fronts"),
        ({"resting_state": "bf16"}, "resting_state=bf16"),
    ],
)
def test_what_only_a_stack_has_is_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=rf"^{named}: Greedy is no LayerStack, which alone has a use for it; leave it"):
        fit(WaveSchedule(1, 1, **settings))


def test_rows_of_a_front_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^SemiSupervisedDataModule: deals in rows .*; choose loaders of \(images, la"
    ):
        fit(WaveSchedule(1, 1), data=tiny_data())


@pytest.mark.parametrize("layers", [None, [nn.Linear(1, 1)], nn.ModuleList()])
def test_a_module_without_layers_is_refused(layers: Any) -> None:
    class Bare(EndToEnd):
        def __init__(self) -> None:
            super().__init__()
            del self.layers
            self.layers = layers

    with pytest.raises(ValueError, match=r"^Bare\.layers: has to be an nn\.ModuleList of one layer or more$"):
        fit(WaveSchedule(1, 1), Bare)


def test_the_example_of_the_page_runs_and_learns(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [
        code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL) if "LightningModule" in code
    ]
    exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})
    assert float(capsys.readouterr().out) > 0.6
