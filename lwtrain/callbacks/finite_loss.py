"""Stops a run whose numbers have gone wrong, before a checkpoint can hold them."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lwtrain.errors import TrainingError
from lwtrain.stack import LayerStack


class FiniteLoss(Callback):
    """Looks at the loss now and then, and at the learning layers' weights at each epoch's end.

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
        """Look at the losses."""
        assert isinstance(pl_module, LayerStack)
        if batch_idx % self.every == 0:
            for layer, loss in pl_module.latest_losses.items():
                if not torch.isfinite(loss):
                    self._stop(trainer, self._who(pl_module, layer), f"loss {loss.item()}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the weights that the checkpoint is about to take."""
        assert isinstance(pl_module, LayerStack)
        for layer, part in enumerate(pl_module.layers):
            trained = [parameter.detach() for parameter in part.parameters() if parameter.requires_grad]
            if not all(torch.isfinite(parameter).all() for parameter in trained):
                self._stop(trainer, self._who(pl_module, layer), "weights that are not finite")

    @staticmethod
    def _who(stack: LayerStack, layer: int) -> str:
        return "all layers" if stack.end_to_end else stack.names[layer]

    @staticmethod
    def _stop(trainer: pl.Trainer, who: str, what: str) -> None:
        raise TrainingError(
            f"{who}: {what} in epoch {trainer.current_epoch + 1}, step {trainer.global_step}; "
            "stopped; checkpoints of earlier epochs are kept.\n"
            "Choose a smaller optimizer.lr, precision=32, or trainer.gradient_clip_val=1"
        )
