"""Reconstructions beside originals in TensorBoard, while the layers learn to make them."""

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from lwtrain.autoencoding import can_decode, learns_to_rebuild, reconstruct
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data.view import as_inputs
from lwtrain.evaluating import evaluating
from lwtrain.layer import HorizontalLayer
from lwtrain.pictures.activations import Rebuilt, pictured, rebuild, side_by_side
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of, is_trial_run

_EVERY = 10  # epochs between two pictures in a long visit


class ReconstructionPictures(Callback):
    """Shows, on the same few validation images, what enters a layer and below it what its sidecar rebuilds.

    Beside sidecars that rebuild images these are what enters the network.

    The images are called `layer_3/reconstruction`; `reconstruction` where the whole network learns as one autoencoder.
    They are made at the end of each visit, and after every tenth epoch of a longer one; of deeper layers they show
    principal components (see `lwtrain.pictures.activations.pictured`).

    Promises: the training does not change by its presence. A picture costs one pass of a few images through the layers
    up to the one that is shown.

    Args:
        schedule: Tells where the run is.
        images: How many.

    Raises:
        ValueError: If `images` is below 1.
    """

    def __init__(self, schedule: LayerSchedule, images: int = 8) -> None:
        if images < 1:
            raise ValueError(f"callbacks.pictures={images}: choose 1 or more")
        self._schedule, self._number = schedule, images
        self._images: Tensor | None = None  # None where there are none to show

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the first validation images."""
        data = datamodule_of(trainer)
        if trainer.is_global_zero and isinstance(data, SemiSupervisedDataModule):
            view = data.validation_view()
            self._images = view[torch.arange(min(self._number, len(view)))] if len(view) else None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the layers that have learned in this epoch."""
        assert isinstance(pl_module, LayerStack)
        moment = self._schedule.moment(trainer)
        due = moment.epoch + 1 == moment.visit.epochs or (moment.epoch + 1) % _EVERY == 0
        cut_short = not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        trying = is_trial_run(trainer)
        writers = [logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
        if self._images is None or not due or cut_short or trying or not writers:
            return
        for tag, picture in reconstruction_pictures(pl_module, self._images).items():
            for writer in writers:
                writer.add_image(tag, picture, trainer.global_step)


@torch.no_grad()
def reconstruction_pictures(stack: LayerStack, images: Tensor) -> dict[str, Tensor]:
    """Let the sidecars of the learning layers rebuild; each module is in its own mode again afterwards.

    Args:
        stack: In training.
        images: (batch, channels, height, width) uint8, or floats in [0, 1].

    Returns:
        By tag, pictures (3, height, width) in [0, 1]; none of layers without a decoder that learns.
    """
    inputs = shown = as_inputs(images.to(stack.device))
    pictures: dict[str, Tensor] = {}
    with evaluating(stack), torch.autocast(stack.device.type, enabled=False):
        if stack.end_to_end:
            if learns_to_rebuild(stack) and can_decode(stack):
                rebuilt = Rebuilt(inputs, reconstruct(stack, inputs).float())
                pictures["reconstruction"] = side_by_side(pictured(rebuilt, images=True)).cpu()
            return pictures
        for number in range(max(stack.learners) + 1):
            part = stack.part(number)
            if number in stack.learners and isinstance(part, HorizontalLayer) and part.objective.rebuilds:
                found = rebuild(part, inputs, shown)
                if found is not None:
                    tag = f"{stack.names[number]}/reconstruction"
                    as_images = number == 0 or part.sidecar.rebuilds_images
                    pictures[tag] = side_by_side(pictured(found, images=as_images)).cpu()
            inputs = part(inputs)
    return pictures
