"""A run that is stopped after any epoch and resumed ends as if nothing had happened, bit for bit."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint
from tiny import differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, VoteRule, WaveSchedule
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import load_checkpoint
from lwtrain.data.augmentation import preset
from lwtrain.errors import DataError
from lwtrain.loggers import RunCSVLogger
from lwtrain.part_times import PARTS
from lwtrain.stack import LayerStack

SCHEDULES: dict[str, tuple[Callable[..., LayerSchedule], int]] = {
    "wave": (lambda **settings: WaveSchedule(4, 2, **settings), 12),
    "sequential": (lambda **settings: SequentialSchedule(2, **settings), 6),
    "backprop": (lambda **settings: BackpropSchedule(3, **settings), 3),
}
STOPS = [(name, epoch) for name, (_, epochs) in SCHEDULES.items() for epoch in range(1, epochs)]
CHANGES_WITH_THE_MACHINE = {"speed/images_per_second", "memory/peak_mib", *(f"time/{part}" for part in PARTS)}


class KeepEveryCheckpoint(Checkpoint):
    """Keeps a copy of every epoch's checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        shutil.copy(self.folder / "last.ckpt", self.folder / f"{trainer.current_epoch + 1}.ckpt")


def run(name: str, folder: Path, *callbacks: pl.Callback, seed: int = 0, **settings: Any) -> LayerStack:
    """Dropout, augmentation, a learned alpha, half-labelled batches, weighed votes; resumed from a checkpoint."""
    checkpoint = folder / "last.ckpt"
    resume = checkpoint if checkpoint.exists() else None
    schedule = SCHEDULES[name][0](front=settings.pop("front", "memory"))
    logger = RunCSVLogger(folder, load_checkpoint(resume)["global_step"] if resume else None)
    data = tiny_data(augmentation=preset("heavy_10"))
    given = {"callbacks": [Stopwatch(schedule), *callbacks], "folder": folder, "logger": logger} | settings
    stack = tiny_stack(seed, vote_rule=VoteRule("accuracy"))
    return fit(schedule, stack, data, resume=resume, seed=seed, **given)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [{tag: row[tag] for tag in row.keys() - CHANGES_WITH_THE_MACHINE} for row in csv.DictReader(file)]


def everything(stack: LayerStack) -> dict[str, Tensor]:
    """All tensors of the stack and of its optimizer."""
    optimizer = stack.trainer.optimizers[0]
    names = {id(parameter): name for name, parameter in stack.named_parameters()}
    kept = {
        f"{names[id(parameter)]}/{key}": value
        for parameter, state in optimizer.state.items()
        for key, value in state.items()
    }
    votes = {name: getattr(stack, name).clone() for name in ("voters", "accuracies", "mixture")}
    return tensors(stack.layers) | votes | kept


class Undisturbed:
    """The run that was never stopped, once for each schedule."""

    def __init__(self, root: Path) -> None:
        self.root, self.stacks = root, dict[str, LayerStack]()

    def __getitem__(self, name: str) -> tuple[LayerStack, Path]:
        folder = self.root / name
        if name not in self.stacks:
            self.stacks[name] = run(name, folder, KeepEveryCheckpoint(folder))
        return self.stacks[name], folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return Undisturbed(tmp_path_factory.mktemp("undisturbed"))


def resume(undisturbed: Undisturbed, name: str, epoch: int, folder: Path, **settings: Any) -> LayerStack:
    """Go on from an epoch's checkpoint, with a table that is ahead of it; other weights and random numbers at first."""
    _, whole = undisturbed[name]
    shutil.copy(whole / f"{epoch}.ckpt", folder / "last.ckpt")
    shutil.copy(whole / "metrics.csv", folder)
    return run(name, folder, seed=99, **settings)


@pytest.mark.parametrize(("name", "epoch"), STOPS)
def test_a_resumed_run_ends_in_the_same_weights_and_tables(
    name: str, epoch: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    whole, folder = undisturbed[name]
    resumed = resume(undisturbed, name, epoch, tmp_path)
    assert resumed.trainer.current_epoch == SCHEDULES[name][1]
    assert differing(everything(resumed), everything(whole)) == []
    assert rows(tmp_path) == rows(folder)
    assert {tag: whole.figures[tag] for tag in resumed.figures} == resumed.figures
    assert resumed.figures["vote/val/accuracy"] == whole.figures["vote/val/accuracy"]
    best, of_whole = (
        load_checkpoint(place / "last.ckpt")["callbacks"]["RunCheckpoints"] for place in (tmp_path, folder)
    )
    assert best == of_whole


@pytest.mark.parametrize("front", ["disk", "recompute"])
@pytest.mark.parametrize(("name", "epoch"), [("wave", 7), ("sequential", 3), ("backprop", 1)])
def test_a_run_may_go_on_with_another_front(
    name: str, epoch: int, front: str, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    whole, _ = undisturbed[name]
    resumed = resume(undisturbed, name, epoch, tmp_path, front=front)
    assert differing(everything(resumed), everything(whole)) == []


def test_a_run_may_be_stopped_again_and_again(undisturbed: Undisturbed, tmp_path: Path) -> None:
    whole, folder = undisturbed["wave"]
    for epochs in (1, 2, 5, 9, 12):
        stack = run("wave", tmp_path, seed=epochs - 1, max_epochs=epochs)
    assert differing(everything(stack), everything(whole)) == []
    assert rows(tmp_path) == rows(folder)


@pytest.mark.parametrize(("name", "epoch"), [("wave", 11), ("sequential", 3)])
def test_a_resumed_run_knows_all_figures(name: str, epoch: int, undisturbed: Undisturbed, tmp_path: Path) -> None:
    whole, _ = undisturbed[name]
    assert resume(undisturbed, name, epoch, tmp_path).figures == whole.figures


def test_a_run_that_is_complete_stays_as_it_is(undisturbed: Undisturbed, tmp_path: Path) -> None:
    whole, folder = undisturbed["sequential"]
    resumed = resume(undisturbed, "sequential", 6, tmp_path)
    assert differing(tensors(resumed), tensors(whole)) == []
    assert rows(tmp_path) == rows(folder)


def test_a_run_resumed_with_other_data_is_refused(undisturbed: Undisturbed) -> None:
    _, folder = undisturbed["sequential"]
    with pytest.raises(DataError, match="its run had other training data"):
        fit(
            SequentialSchedule(2),
            callbacks=[Stopwatch(SequentialSchedule(2))],
            data=tiny_data(labels=9),
            resume=folder / "2.ckpt",
        )


class Interrupt(pl.Callback):
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        if trainer.current_epoch == 4:
            raise RuntimeError("enough")


def test_a_schedule_can_be_used_again_after_an_interruption(tmp_path: Path) -> None:
    whole = fit(WaveSchedule(2, 2))
    schedule = WaveSchedule(2, 2)
    with pytest.raises(RuntimeError, match="enough"):
        fit(schedule, callbacks=[Interrupt()], folder=tmp_path)
    resumed = fit(schedule, resume=tmp_path / "last.ckpt")
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []
