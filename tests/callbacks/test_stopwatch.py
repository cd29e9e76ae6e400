from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tiny import fit, tiny_images, tiny_stack, tiny_trainer
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import BackpropSchedule, LayerSchedule, WaveSchedule
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import load_checkpoint
from lwtrain.loggers import RunCSVLogger
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
    assert state == {"seconds": pytest.approx(first.seconds), "layer_images": 4 * 48}
    schedule = WaveSchedule(2, 2)
    second = Stopwatch(schedule)
    fit(schedule, callbacks=[second], resume=tmp_path / "last.ckpt")
    assert second.layer_images == 6 * 48
    assert second.seconds > first.seconds > 0


def test_an_epoch_is_written_with_its_place_its_rate_and_its_cost(tmp_path: Path) -> None:
    schedule, logger = WaveSchedule(2, 2), RunCSVLogger(tmp_path)
    fit(schedule, callbacks=[Stopwatch(schedule)], logger=logger)
    row = logger._rows[20]  # the fifth epoch: layer 1 in the second wave
    assert (row["schedule/wave"], row["schedule/layer"]) == (1, 1)
    assert row["layer_1/lr"] == pytest.approx(1e-3 / 8)  # before the last of layer 1's 8 steps
    assert not {"layer_0/lr", "head/lr"} & row.keys()
    assert row["speed/images_per_second"] > 0
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
