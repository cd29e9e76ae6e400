"""Measures a network as an autoencoder of images."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torchmetrics import MeanSquaredError

from lwtrain.autoencoding import can_decode, learns_to_rebuild, reconstruct
from lwtrain.data.index_batches import RowBatch
from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer
from lwtrain.stack import LayerStack


class ReconstructionError(Callback):
    """Writes `val/reconstruction` and `test/reconstruction`: the mean squared error of images that went all the way.

    They climb to the code and come back through the decoders of all sidecars, whichever layers have just trained. The
    figure is written as soon as every decoder has learned, and nowhere if there is no way back
    (`lwtrain.autoencoding`).
    """

    def __init__(self) -> None:
        self._error: MeanSquaredError | None = None  # None where there is nothing to measure

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to measure."""
        self._begin(trainer, pl_module)

    def on_test_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin to measure."""
        self._begin(trainer, pl_module)

    def on_validation_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Send the batch's images up and back."""
        self._measure(trainer, pl_module, batch)

    def on_test_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Send the batch's images up and back."""
        self._measure(trainer, pl_module, batch)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the figure."""
        self._write("val/reconstruction", pl_module)

    def on_test_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the figure."""
        self._write("test/reconstruction", pl_module)

    def _begin(self, trainer: pl.Trainer, stack: pl.LightningModule) -> None:
        assert isinstance(stack, LayerStack)
        wanted = not trainer.sanity_checking and can_decode(stack) and _decoders_have_learned(stack)
        self._error = MeanSquaredError().to(stack.device) if wanted else None

    def _measure(self, trainer: pl.Trainer, stack: pl.LightningModule, batch: Any) -> None:
        if self._error is None:
            return
        assert isinstance(stack, LayerStack)
        if isinstance(batch, RowBatch):
            assert stack.validation_front is not None, "row batches come with a front"
            images = stack.validation_front.images(batch.rows)
        else:
            images = as_inputs(batch[0])
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            rebuilt = reconstruct(stack, images)
        counted = len(batch[1])  # an image without a label is another process's
        self._error.update(rebuilt[:counted].float().flatten(), images[:counted].flatten())

    def _write(self, tag: str, stack: pl.LightningModule) -> None:
        if self._error is not None:
            assert isinstance(stack, LayerStack)
            stack.record({tag: self._error.compute()})
            self._error = None


def _decoders_have_learned(stack: LayerStack) -> bool:
    if stack.end_to_end:
        return learns_to_rebuild(stack)
    horizontals = [part for part in stack.layers if isinstance(part, HorizontalLayer)]
    trained = set(range(len(horizontals))) <= set(stack.voter_numbers)
    return trained and all(part.objective.rebuilds for part in horizontals)
