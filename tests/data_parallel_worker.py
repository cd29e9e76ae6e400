"""One of several processes that train together, by each schedule; torch's launcher starts it with a folder."""

# ruff: noqa: I001
import lwtrain  # before Lightning, which imports torchvision

import os
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor

from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.data.index_batches import RowBatch
from tiny import tiny_autoencoder, tiny_data, tiny_stack

SCHEDULES: dict[str, lwtrain.LayerSchedule] = {
    "wave": lwtrain.WaveSchedule(epochs=2, waves=2, front="memory"),
    "simultaneous": lwtrain.SimultaneousSchedule(epochs=2),
    "settling": lwtrain.SimultaneousSchedule(epochs=4, settle=0.5, front="memory"),
    "autoencoder": lwtrain.BackpropSchedule(epochs=2),
    "averaged": lwtrain.WaveSchedule(epochs=2, waves=2),
}


class Snapshots(pl.Callback):
    """Keeps weights and buffers as they are at the end of every visit."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Tensor]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.taken.append({name: value.clone() for name, value in pl_module.state_dict().items()})


class LastBatches(pl.Callback):
    """Keeps the images and labels of the last epoch's batches."""

    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, Tensor]] = []

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: RowBatch, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, lwtrain.LayerStack)
        assert pl_module.front is not None
        kept = self.kept if batch_idx else []
        self.kept = [*kept, (pl_module.front.images(batch.rows).clone(), batch.labels)]


def main(schedule: str, folder: Path) -> None:
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    snapshots, batches = Snapshots(), LastBatches()
    averages = [lwtrain.WeightAverage(SCHEDULES[schedule], last=2)] if schedule == "averaged" else []
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=world,
        strategy=DDPStrategy(process_group_backend="gloo"),
        callbacks=[SCHEDULES[schedule], *averages, ReconstructionError(), snapshots, batches],
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    rule = lwtrain.VoteRule("accuracy")
    # The first process's weights have to reach the others.
    stack = tiny_autoencoder(seed=rank) if schedule == "autoencoder" else tiny_stack(seed=rank, vote_rule=rule)
    trainer.fit(stack, datamodule=tiny_data())
    rows = trainer.datamodule.rows((0, 0)).images  # type: ignore[attr-defined]
    kept = {"snapshots": snapshots.taken, "figures": stack.figures, "rows": rows, "steps": trainer.global_step}
    kept["batches"] = batches.kept
    torch.save(kept, folder / f"{schedule}-{rank}.pt")


if __name__ == "__main__":
    for name in SCHEDULES:  # in one go: starting processes is what takes time
        main(name, Path(sys.argv[1]))
