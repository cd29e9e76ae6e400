"""Weights averaged over each layer's last epochs, and the network that ends up with them."""

import csv
import json
import logging
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.callbacks import Checkpoint
from safetensors.torch import load_file
from statistics_from_scratch import batch_statistics
from test_image_batches import Images, loader
from tiny import differing, fit, tensors, tiny_autoencoder, tiny_data, tiny_stack, tiny_trainer
from torch import Tensor

from lwtrain import (
    BackpropSchedule,
    CustomSchedule,
    LayerSchedule,
    SequentialSchedule,
    SimultaneousSchedule,
    WaveSchedule,
    WeightAverage,
)
from lwtrain.autoencoding import reconstruct
from lwtrain.batch_statistics import batch_norms
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.callbacks.step_limit import StepLimit
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import load_checkpoint
from lwtrain.config.loading import load_config
from lwtrain.data.augmentation import preset
from lwtrain.from_config import build_callbacks, build_schedule
from lwtrain.loggers import RunCSVLogger
from lwtrain.schedules import Together, Visit
from lwtrain.stack import LayerStack
from lwtrain.trained_run import load_run
from lwtrain.training import train

NAMES = ["layer_0", "layer_1", "head"]
VISITS = [{"layer": 1, "epochs": 2}, {"layer": 0, "epochs": 3}, {"layer": 1}]
SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "wave": lambda **settings: WaveSchedule(4, 2, **settings),
    "sequential": lambda **settings: SequentialSchedule(3, **settings),
    "simultaneous": lambda **settings: SimultaneousSchedule(4, **settings),
    "backprop": lambda **settings: BackpropSchedule(4, **settings),
    "custom": lambda **settings: CustomSchedule(VISITS, **settings),
}
LAST_THREE = {  # each layer's last three epochs of the run, counted from 0
    "wave": [[1, 6, 7], [3, 8, 9], [5, 10, 11]],
    "sequential": [[0, 1, 2], [3, 4, 5], [6, 7, 8]],
    "simultaneous": [[1, 2, 3]] * 3,
    "backprop": [[1, 2, 3]] * 3,
    "custom": [[2, 3, 4], [0, 1, 5], []],
}


class Watch(pl.Callback):
    """Keeps weights and buffers as they are at the end of every epoch, and what the last epoch's batches show."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Tensor]] = []
        self.batches: list[tuple[Tensor, Tensor]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.batches = []

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, *_: object) -> None:
        images = pl_module.front.images(batch[0]) if pl_module.front else batch[0]
        self.batches.append((images.clone(), batch[1]))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.taken.append(tensors(pl_module.layers))


def run(
    name: str, stack: LayerStack | None = None, *others: pl.Callback, last: int = 3, seed: int = 0, **settings: Any
) -> tuple[LayerStack, Watch]:
    """Dropout, augmentation, a learned alpha, half-labelled batches."""
    schedule, watch = SCHEDULES[name](front=settings.pop("front", "memory")), Watch()
    data = tiny_data(augmentation=preset("heavy_10"))
    callbacks = [*others, watch, WeightAverage(schedule, last)]
    return fit(schedule, stack or tiny_stack(seed), data, callbacks=callbacks, seed=seed, **settings), watch


@cache
def averaged(name: str) -> tuple[LayerStack, Watch]:
    """One run for all tests that only look."""
    return run(name)


# The averages


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_layers_weights_are_the_mean_over_its_own_last_epochs(name: str) -> None:
    stack, watch = averaged(name)
    assert len(watch.taken) == len(stack.trainer.callbacks[0].timetable(3))
    moved = 0
    for number, epochs in enumerate(LAST_THREE[name]):
        for weight, value in stack.layers[number].named_parameters(prefix=str(number)):
            snapshots = torch.stack([watch.taken[epoch][weight] for epoch in epochs or [-1]])
            torch.testing.assert_close(value.detach(), snapshots.mean(dim=0), rtol=1e-6, atol=1e-7)
            moved += not torch.equal(value, watch.taken[-1][weight])
    assert moved > 5


def test_a_learned_alpha_is_averaged_too() -> None:
    stack, watch = averaged("wave")
    alphas = [watch.taken[epoch]["0.objective.alpha.x"] for epoch in (1, 6, 7)]
    assert len(set(map(float, alphas))) == 3
    assert float(stack.state_dict()["layers.0.objective.alpha.x"]) == pytest.approx(sum(map(float, alphas)) / 3)


def test_what_rests_in_backpropagation_stays_as_it_is() -> None:
    stack, _ = averaged("backprop")
    sidecars = [name for name in tensors(stack.layers) if "sidecar" in name or "objective" in name]
    assert not {*sidecars} & {*differing(tensors(stack.layers), tensors(tiny_stack().layers))}


def test_the_average_of_one_epoch_is_what_it_ended_with() -> None:
    stack, watch = run("wave", last=1)
    weights = {f"{name}" for name, _ in stack.layers.named_parameters()}
    assert not weights & {*differing(tensors(stack.layers), watch.taken[-1])}


@pytest.mark.parametrize("name", SCHEDULES)
def test_training_does_not_change_by_it(name: str) -> None:
    data, plain = tiny_data(augmentation=preset("heavy_10")), Watch()
    fit(SCHEDULES[name](front="memory"), data=data, callbacks=[plain])
    assert len(averaged(name)[1].taken) == len(plain.taken)
    for one, other in zip(averaged(name)[1].taken, plain.taken, strict=True):
        assert differing(one, other) == []


def test_layers_that_are_not_trained_are_left_alone() -> None:
    schedule = WaveSchedule(3, 3, rest={0})
    stack, fresh = tiny_stack(), tensors(tiny_stack().layers)
    fit(schedule, stack, callbacks=[WeightAverage(schedule, 2)])
    changed = differing(tensors(stack.layers), fresh)
    assert {name[0] for name in changed} == {"1", "2"}
    stack, _ = averaged("custom")
    assert {name[0] for name in differing(tensors(stack.layers), fresh)} == {"0", "1"}


def test_kinds_of_visits_may_be_mixed() -> None:
    visits = [Visit(0, 2), Visit(Together.SIMULTANEOUS, 1), Visit(Together.BACKPROP, 1)]
    schedule, watch = LayerSchedule(lambda _: visits), Watch()
    stack = fit(schedule, callbacks=[watch, WeightAverage(schedule, 2)])
    for name, epochs in {
        "0.layer.0.weight": [2, 3],
        "0.sidecar.classifier": [2],
        "2.classifier.2.weight": [2, 3],
    }.items():
        for weight in [weight for weight in watch.taken[-1] if weight.startswith(name) and "running" not in weight]:
            mean = torch.stack([watch.taken[epoch][weight] for epoch in epochs]).mean(dim=0)
            torch.testing.assert_close(tensors(stack.layers)[weight], mean)


# The statistics of batch norm


@pytest.mark.parametrize("name", ["wave", "sequential", "simultaneous", "backprop"])
def test_statistics_are_gathered_anew_from_the_last_epochs_batches(name: str) -> None:
    stack, watch = averaged(name)
    expected, found = batch_statistics(stack, watch.batches), tensors(stack.layers)
    assert len(expected) == (4 if name == "backprop" else 12)
    for statistic, value in expected.items():
        torch.testing.assert_close(found[statistic], value, rtol=1e-4, atol=1e-5)
    assert {*expected} <= {*differing(found, watch.taken[-1])}
    assert {norm.momentum for norm in batch_norms([stack])} == {0.1}


def test_statistics_of_what_rests_in_backpropagation_stay_as_they_are() -> None:
    stack, _ = averaged("backprop")
    fresh = tensors(tiny_stack())
    norms = [name for name in fresh if "sidecar" in name and ("running" in name or "tracked" in name)]
    assert norms
    assert not {*norms} & {*differing(tensors(stack), fresh)}


@pytest.mark.parametrize("name", ["wave", "backprop"])
def test_statistics_are_gathered_in_half_precision(name: str) -> None:
    stack, watch = run(name, precision="bf16-mixed")
    found = tensors(stack.layers)
    for statistic, value in batch_statistics(stack, watch.batches).items():
        torch.testing.assert_close(found[statistic], value, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("name", ["wave", "simultaneous", "custom"])
@pytest.mark.parametrize("front", ["disk", "recompute"])
def test_the_network_is_the_same_whatever_the_front(name: str, front: str) -> None:
    one, other = averaged(name)[0], run(name, front=front)[0]
    assert differing(tensors(one.layers), tensors(other.layers)) == []
    assert one.figures == other.figures


def test_slices_of_a_batch_give_statistics_of_their_own() -> None:
    def sliced(most: int | None) -> LayerStack:
        stack = tiny_stack()
        stack.micro_batch = most
        return run("simultaneous", stack)[0]

    counts = [sliced(most).state_dict()["layers.0.layer.1.num_batches_tracked"] for most in (None, 6)]
    assert counts == [4, 8]


# Figures


def opinions(stack: LayerStack, images: Tensor, labels: Tensor, stage: str) -> dict[str, float]:
    """The accuracies of a network as it stands, by tag."""
    with torch.no_grad():
        probabilities = stack.eval().layer_probabilities(images)
    voters = stack.voter_numbers
    said = {stack.names[voter]: probabilities[voter] for voter in voters}
    said["vote"] = torch.stack([*said.values()]).mean(dim=0)
    accuracies = {name: (each.argmax(1) == labels).float().mean().item() for name, each in said.items()}
    entropies = {name: -each[torch.arange(len(labels)), labels].log().mean().item() for name, each in said.items()}
    figures = {f"{name}/{stage}/accuracy": value for name, value in accuracies.items()}
    return figures | {f"{name}/{stage}/prediction": value for name, value in entropies.items() if name != "vote"}


@pytest.mark.parametrize("name", SCHEDULES)
def test_figures_are_those_of_the_averaged_network(name: str) -> None:
    stack, watch = averaged(name)
    data = tiny_data()
    images, labels = data.train.images[data.held_out], data.train.labels[data.held_out]
    expected = opinions(stack, images, labels, "val")
    assert {tag: stack.figures[tag] for tag in expected} == pytest.approx(expected, rel=1e-4)
    assert float(stack.complete_vote) == pytest.approx(expected["vote/val/accuracy"])
    assert {tag for tag in stack.figures if "/val/" in tag} == {*expected, "vote/val/accuracy_so_far"}
    before = tiny_stack()
    before.load_state_dict(stack.state_dict() | {f"layers.{name}": value for name, value in watch.taken[-1].items()})
    earlier = opinions(before, images, labels, "val")
    assert all(earlier[tag] != pytest.approx(expected[tag], rel=1e-4) for tag in expected if "prediction" in tag)


def test_an_autoencoders_figure_is_that_of_the_averaged_network() -> None:
    schedule, stack, data = BackpropSchedule(3), tiny_autoencoder(), tiny_data()
    fit(schedule, stack, data, callbacks=[WeightAverage(schedule, 2), ReconstructionError()])
    images = data.train.images[data.held_out]
    with torch.no_grad():
        error = F.mse_loss(reconstruct(stack.eval(), images), images / 255).item()
    assert stack.figures["val/reconstruction"] == pytest.approx(error, rel=1e-5)


def test_figures_that_nobody_measures_again_are_dropped(tmp_path: Path) -> None:
    short, _ = run("wave", folder=tmp_path, max_epochs=11)
    assert [tag for tag in short.figures if "val" in tag]
    stack, _ = run("wave", resume=tmp_path / "last.ckpt", limit_val_batches=0)
    assert not [tag for tag in stack.figures if "val" in tag]
    assert stack.complete_vote is None


def test_the_last_row_of_the_table_holds_them(tmp_path: Path) -> None:
    stack, _ = run("wave", logger=RunCSVLogger(tmp_path))
    with (tmp_path / "metrics.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    assert {tag: float(last[tag]) for tag in stack.figures if "/val/" in tag} == {
        tag: value for tag, value in stack.figures.items() if "/val/" in tag
    }


SMALL = [
    *("model=vgg8b", "model.width=0.0625", "model.layer_depth=3", "encoder=c", "encoder.hidden=8"),
    *("dataset=fake", "dataset.num_images=150", "dataset.num_classes=3", "dataset.image_size=16", "batch_size=15"),
    *("trainer.accelerator=cpu", "precision=32", "progress=none", "schedule.epochs=4", "schedule.waves=4"),
]


def test_all_that_a_run_leaves_is_of_the_averaged_network(tmp_path: Path) -> None:
    train(load_config([*SMALL, "optimizer.average_last=3", "optimizer.lr=0.01"]), tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    for checkpoint in ("last", "best"):
        trained = load_run(tmp_path, checkpoint=checkpoint)
        data, stored = trained.data, load_checkpoint(tmp_path / "checkpoints" / f"{checkpoint}.ckpt")
        images, labels = data.train.images[data.held_out], data.train.labels[data.held_out]
        validated = opinions(trained.stack, images, labels, "val")
        assert {tag: stored["figures"][tag] for tag in validated} == pytest.approx(validated, rel=1e-4)
        assert stored["callbacks"]["RunCheckpoints"]["best"] >= validated["vote/val/accuracy"] - 1e-6
        if checkpoint == "last":
            tested = opinions(trained.stack, data.test.images, data.test.labels, "test")
            both = validated | tested
            assert {tag: metrics[tag] for tag in both} == pytest.approx(both, rel=1e-4)
            for name, layer in zip(trained.stack.names, trained.stack.layers, strict=True):
                assert differing(load_file(tmp_path / "layers" / f"{name}.safetensors"), layer.state_dict()) == []
            assert stored["callbacks"]["WeightAverage"]["means"] == {}
        else:
            assert stored["callbacks"]["RunCheckpoints"]["best"] == pytest.approx(validated["vote/val/accuracy"])


# Runs that stop and go on


class KeepEveryCheckpoint(Checkpoint):
    """Keeps a copy of every epoch's checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        shutil.copy(self.folder / "last.ckpt", self.folder / f"{trainer.current_epoch + 1}.ckpt")


@pytest.mark.parametrize(
    ("name", "stops"),
    [("wave", [1, 7, 9, 12]), ("sequential", [2, 8]), ("simultaneous", [2, 3]), ("backprop", [3, 4]), ("custom", [3])],
)
def test_a_run_that_is_resumed_ends_in_the_same_network(name: str, stops: list[int], tmp_path: Path) -> None:
    whole, _ = run(name, None, KeepEveryCheckpoint(tmp_path), folder=tmp_path)
    epochs = whole.trainer.current_epoch
    for epoch in stops:
        resumed, _ = run(name, seed=9, resume=tmp_path / f"{epoch}.ckpt")
        assert resumed.trainer.current_epoch == epochs
        assert differing(tensors(resumed.layers), tensors(whole.layers)) == []
        assert {tag: whole.figures[tag] for tag in resumed.figures} == resumed.figures


def test_means_are_kept_in_single_precision_in_main_memory(tmp_path: Path) -> None:
    run("wave", folder=tmp_path, max_epochs=11)
    kept = load_checkpoint(tmp_path / "last.ckpt")["callbacks"]["WeightAverage"]
    assert {(mean.dtype, mean.device.type) for mean in kept["means"].values()} == {(torch.float32, "cpu")}
    counts = {name: {kept["counts"][each] for each in kept["counts"] if each.startswith(name)} for name in NAMES}
    assert counts == {"layer_0": {3}, "layer_1": {3}, "head": {2}}


def test_a_run_that_is_cut_short_is_averaged_when_it_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, _ = averaged("wave")
    with caplog.at_level(logging.WARNING):
        short, watch = run("wave", folder=tmp_path, max_epochs=11)
    assert caplog.messages[-1:] == [
        "optimizer.average_last=3: not averaged: the run has stopped before its schedule's end"
    ]
    assert differing(tensors(short.layers), watch.taken[-1]) == []
    caplog.clear()
    resumed, _ = run("wave", seed=9, resume=tmp_path / "last.ckpt")
    assert caplog.messages == []
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []


def test_an_epoch_that_is_cut_short_does_not_count(tmp_path: Path) -> None:
    whole, _ = averaged("simultaneous")
    short, watch = run("simultaneous", None, StepLimit(14), folder=tmp_path)
    assert short.trainer.global_step == 14
    assert differing(tensors(short.layers), watch.taken[-1]) == []
    resumed, _ = run("simultaneous", seed=9, resume=tmp_path / "last.ckpt")
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []


def test_a_callback_can_be_used_again() -> None:
    schedule = WaveSchedule(2, 2)
    average = WeightAverage(schedule, 2)
    one, again = (tensors(fit(schedule, callbacks=[average]).layers) for _ in range(2))
    assert differing(one, again) == []


@pytest.mark.parametrize("earlier", [None, 1, 3])
def test_a_checkpoint_without_these_averages_is_refused(earlier: int | None, tmp_path: Path) -> None:
    schedule = SimultaneousSchedule(4)
    averages = [] if earlier is None else [WeightAverage(schedule, earlier)]
    fit(schedule, callbacks=averages, folder=tmp_path, max_epochs=3)
    held = 3 * {None: 0, 1: 0, 3: 2}[earlier]
    with pytest.raises(ValueError, match=rf"^optimizer\.average_last=2: .*trained for 3 .* averages of {held}; choose"):
        fit(schedule, callbacks=[WeightAverage(schedule, 2)], resume=tmp_path / "last.ckpt")


# Beside others


def test_a_users_own_images_give_what_rows_give() -> None:
    def trained(data: pl.LightningDataModule) -> LayerStack:
        schedule = WaveSchedule(2, 2, front="recompute")
        return fit(schedule, data=data, callbacks=[WeightAverage(schedule, 2)])

    rows, images = trained(tiny_data(augmentation=preset("heavy_10"))), trained(Images())
    assert differing(tensors(images.layers), tensors(rows.layers)) == []
    assert images.figures == pytest.approx(rows.figures)


class Draws(pl.Callback):
    """Draws random numbers when an epoch is over, or none."""

    def __init__(self, some: bool) -> None:
        self.count = 7 if some else 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        torch.rand(self.count)


@pytest.mark.parametrize("schedule", [lambda: WaveSchedule(2, 2), lambda: BackpropSchedule(4)])
def test_a_plain_loader_that_shuffles_resumes_bit_for_bit(
    schedule: Callable[[], LayerSchedule], tmp_path: Path
) -> None:
    def trained(resume: Path | None = None, seed: int = 0, **settings: Any) -> LayerStack:
        visits = schedule()
        trainer = tiny_trainer(visits, Draws(resume is None), WeightAverage(visits, 2), folder=tmp_path, **settings)
        stack = tiny_stack(seed)
        torch.manual_seed(seed)
        loaders = loader(shuffle=True), loader(shuffle=False)
        trainer.fit(stack, *loaders, ckpt_path=resume, weights_only=True)
        return stack

    whole = trained()
    trained(max_epochs=3)
    assert differing(tensors(trained(tmp_path / "last.ckpt", seed=9).layers), tensors(whole.layers)) == []
    counted = {int(norm.num_batches_tracked) for norm in batch_norms(part.layer for part in whole.layers[:2])}
    assert counted == {3}


@pytest.mark.parametrize("name", ["wave", "backprop"])
def test_compiled_steps_end_in_the_same_network(name: str) -> None:
    plain, compiled = averaged(name)[0], run(name, None, CompiledSteps("eager"))[0]
    assert differing(tensors(compiled.layers), tensors(plain.layers)) == []


# Settings


def test_it_is_off_by_default() -> None:
    def made(*words: str) -> list[WeightAverage]:
        config = load_config([*SMALL, *words])
        schedule = build_schedule(config, set())
        callbacks = build_callbacks(config, schedule, Stopwatch(schedule), Path("nowhere"))
        return [callback for callback in callbacks if isinstance(callback, WeightAverage)]

    assert made() == []
    assert [average.last for average in made("optimizer.average_last=2")] == [2]


def test_no_layer_is_averaged_over_more_epochs_than_it_trains() -> None:
    with pytest.raises(ValueError, match=r"^optimizer\.average_last=0: choose 1 or more$"):
        WeightAverage(WaveSchedule(2, 2), 0)
    complaint = r"^optimizer\.average_last=4: a layer trains for fewer epochs; choose 0 to 3$"
    for name in ("sequential", "custom"):
        with pytest.raises(ValueError, match=complaint):
            run(name, last=4)
