"""Stops a run whose numbers have gone wrong, before a checkpoint can hold them."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.checkpoints import RunCheckpoints
from lwtrain.errors import NotFiniteError
from lwtrain.stack import LayerStack
from lwtrain.undeclared import callbacks_of


class FiniteLoss(Callback):
    """Looks at the loss now and then, and at the learning layers' weights at each epoch's end.

    A loss that is not a number leaves weights that are none, so every later loss shows it too: looking at each would
    only make an accelerator wait. Processes that train together look at each other's losses, and stop together; those
    that have layers of their own (`PipelinedSchedule`) look at theirs, and the others stop when one is gone.

    Args:
        every: Steps between two looks.

    Raises:
        NotFiniteError: In `fit`; it names the lowest layer that went wrong, for those above read what it makes.
    """

    def __init__(self, every: int = 20) -> None:
        self.every = every

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the losses."""
        assert isinstance(pl_module, LayerStack)
        if batch_idx % self.every == 0:
            losses = torch.stack([loss.detach().float() for loss in pl_module.latest_losses.values()])
            if trainer.world_size > 1 and pl_module.pipeline is None:  # there nobody waits for those behind
                torch.distributed.all_reduce(losses)
            for layer, finite in zip(pl_module.latest_losses, losses.isfinite().tolist(), strict=True):
                if not finite:
                    loss = losses[list(pl_module.latest_losses).index(layer)].item()
                    raise self._error(trainer, pl_module, layer, f"loss {loss}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look at the weights that the checkpoint is about to take."""
        assert isinstance(pl_module, LayerStack)
        for layer, part in enumerate(pl_module.layers):
            learns = layer in pl_module.learners  # maybe in another process, which has shared what it has learned
            trained = [each.detach() for each in part.parameters() if learns or each.requires_grad]
            if not all(torch.isfinite(parameter).all() for parameter in trained):
                raise self._error(trainer, pl_module, layer, "weights that are not finite")

    @staticmethod
    def _error(trainer: pl.Trainer, stack: LayerStack, layer: int, what: str) -> NotFiniteError:
        name = None if stack.end_to_end else stack.names[layer]
        wave, epoch = 0, trainer.current_epoch
        checkpoint = None
        for callback in callbacks_of(trainer):
            if isinstance(callback, LayerSchedule):
                moment = callback.moment(trainer)
                wave, epoch = moment.visit.wave, moment.epoch
            elif isinstance(callback, RunCheckpoints):
                checkpoint = callback.latest
        return NotFiniteError(name, what, wave + 1, epoch + 1, trainer.global_step, checkpoint)
