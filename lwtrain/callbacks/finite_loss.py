"""Stops a run whose numbers have gone wrong, before a checkpoint can hold them."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lwtrain.errors import TrainingError
from lwtrain.stack import LayerStack


class FiniteLoss(Callback):
    """Looks at the loss now and then, and at the active layer's weights at each epoch's end.

    A loss that is not a number leaves weights that are none, so every later loss shows it too: looking at each would
    only make an accelerator wait.

    Args:
        every: Steps between two looks.
    """

    def __init__(self, every: int = 20) -> None:
        self.every = every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the loss."""
        if batch_idx % self.every == 0 and not torch.isfinite(outputs["loss"]):
            self._stop(trainer, pl_module, f"loss {outputs['loss'].item()}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the weights that the checkpoint is about to take."""
        trained = [parameter.detach() for parameter in pl_module.parameters() if parameter.requires_grad]
        if not all(torch.isfinite(parameter).all() for parameter in trained):
            self._stop(trainer, pl_module, "weights that are not finite")

    @staticmethod
    def _stop(trainer: pl.Trainer, pl_module: pl.LightningModule, what: str) -> None:
        assert isinstance(pl_module, LayerStack)
        who = "all layers" if pl_module.active is None else pl_module.active_name
        raise TrainingError(
            f"{who}: {what} in epoch {trainer.current_epoch + 1}, step {trainer.global_step}; "
            "stopped; checkpoints of earlier epochs are kept.\n"
            "Choose a smaller optimizer.lr, precision=32, or trainer.gradient_clip_val=1"
        )
