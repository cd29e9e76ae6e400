"""One of two processes that train together; the second meets a loss that is no number. See test_finite_loss."""

# ruff: noqa: I001
import lwtrain  # before Lightning, which imports torchvision

import os
import sys
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy

from lwtrain.callbacks.finite_loss import FiniteLoss
from lwtrain.errors import NotFiniteError
from tiny import tiny_data, tiny_stack

RANK = int(os.environ.get("RANK", "0"))


class Overflow(pl.Callback):
    """Lets the second process report a loss without end in the sixth step."""

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, lwtrain.LayerStack)
        if RANK == 1 and trainer.global_step == 6:
            pl_module.latest_losses = {layer: torch.tensor(torch.inf) for layer in pl_module.latest_losses}


if __name__ == "__main__":
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=int(os.environ["WORLD_SIZE"]),
        strategy=DDPStrategy(process_group_backend="gloo"),
        callbacks=[lwtrain.WaveSchedule(epochs=1, waves=1), Overflow(), FiniteLoss(every=1)],
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    try:
        trainer.fit(tiny_stack(), datamodule=tiny_data())
    except NotFiniteError as error:
        Path(sys.argv[1], f"{RANK}.txt").write_text(error.event)
