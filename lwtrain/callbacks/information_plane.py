"""How much each layer tells about the image and about the label, epoch by epoch: the information plane."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor

from lwtrain.data.load import Split
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.files import write_whole
from lwtrain.information.estimator import Estimator
from lwtrain.information.plane import draw_plane, pixels_of, write_picture
from lwtrain.information.traverse import coordinates
from lwtrain.seeds import generator_for
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of, is_trial_run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class InformationPlane(Callback):
    """Measures all layers on the same images as the run goes on, and draws where they move.

    After an epoch, `<folder>/information_plane.npz` holds `coordinates`, (epochs, estimators, layers, 2), which are the
    criterion with the image and that with the label; `epochs`, counted from 1; `estimators` and `layers`, their names.
    `information_plane.png` beside it and the image `information_plane` in TensorBoard show them. Layers are measured
    at their output, before the map, the head at its logits; in evaluation mode, in float32, on images as they are.

    Promises: the training does not change by its presence; the files are always whole; the last epoch is measured,
    whatever `every` says; a resumed run goes on with what its checkpoint holds, if that was measured on the same images
    by the same estimators. With several processes the first one measures.

    Args:
        folder: Where the files go; None: there are none, and `coordinates` holds what was measured.
        estimators: What measures, by the names that the plot shows; see `lwtrain.information`.
        images: How many training images to measure on, drawn from those with a known label by the data module's seed
            (labels that are kept from the training are known here); or the images themselves, with their labels.
        every: Epochs from one measurement to the next.

    Raises:
        ValueError: If a setting is out of range; in `fit`, if the data module is not lwtrain's and `images` a number.
    """

    def __init__(
        self, folder: Path | None, estimators: Mapping[str, Estimator], images: int | Split = 1000, every: int = 1
    ) -> None:
        setting = "callbacks.information_plane"
        if not estimators:
            raise ValueError(f"{setting}.estimators=[]: choose at least one")
        if every < 1:
            raise ValueError(f"{setting}.every={every}: choose 1 or more")
        if isinstance(images, int) and images < 2:
            raise ValueError(f"{setting}.images={images}: choose 2 or more")
        self.folder, self.estimators, self.every = folder, dict(estimators), every
        self._images = images
        self._watched: tuple[Tensor, Tensor] | None = None
        self._measured_on = ""  # the images of the coordinates
        self._unmeasured: int | None = None  # the epoch that is over, if it was left out
        self._epochs: list[int] = []
        self._coordinates: list[Tensor] = []  # (estimators, layers, 2) each

    @property
    def epochs(self) -> list[int]:
        """After which epochs was measured, counted from 1."""
        return list(self._epochs)

    @property
    def coordinates(self) -> NDArray[np.float32]:
        """What was measured: (epochs, estimators, layers, 2)."""
        return torch.stack(self._coordinates).numpy() if self._coordinates else np.empty((0,), np.float32)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Choose the images."""
        if isinstance(self._images, Split):
            every = torch.arange(len(self._images.labels))
            self._watched = self._images.images[every], self._images.labels
        else:
            self._watched = self._draw(trainer, self._images)
        fingerprint = fingerprint_of(*self._watched)
        if self._coordinates and fingerprint != self._measured_on:  # a checkpoint, if any, was read before this
            self._begin_anew("on other images")
        self._measured_on, self._unmeasured = fingerprint, None

    @staticmethod
    def _draw(trainer: pl.Trainer, count: int) -> tuple[Tensor, Tensor]:
        data = datamodule_of(trainer)
        if not isinstance(data, SemiSupervisedDataModule):
            remedy = "give the images themselves, a lwtrain.Split, for this data module"
            raise ValueError(f"callbacks.information_plane.images={count}: {remedy}")
        rows = torch.cat([data.labelled, data.unlabelled])
        rows = rows[data.train.labels[rows] >= 0]
        if count > len(rows) and trainer.is_global_zero:
            logging.getLogger(__name__).warning(
                "callbacks.information_plane.images=%d: only %d training images have a known label", count, len(rows)
            )
        drawn = rows[torch.randperm(len(rows), generator=generator_for(data.seed, "information plane"))[:count]]
        return data.train.images[drawn], data.train.labels[drawn]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure, if it is time."""
        cut_short = not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        trying = is_trial_run(trainer)
        self._unmeasured = None if cut_short or trying else trainer.current_epoch + 1
        if self._unmeasured is not None and self._unmeasured % self.every == 0:
            self._measure(trainer, pl_module, self._unmeasured)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Measure the last epoch, if it has not been; no checkpoint holds this, for a run that goes on does without."""
        if self._unmeasured is not None:
            self._measure(trainer, pl_module, self._unmeasured)

    def _measure(self, trainer: pl.Trainer, stack: pl.LightningModule, epoch: int) -> None:
        """Measure, and write what has been measured so far."""
        self._unmeasured = None
        if not trainer.is_global_zero:
            return
        assert isinstance(stack, LayerStack)
        assert self._watched is not None
        measured = coordinates(stack, *self._watched, list(self.estimators.values()))
        if self._coordinates and self._coordinates[0].shape != measured.shape:
            self._begin_anew("on other layers")
        self._epochs.append(epoch)
        self._coordinates.append(measured)
        self._write(trainer, stack.names)

    def draw(self, layers: Sequence[str]) -> "Figure":
        """Draw what was measured so far; see `draw_plane`.

        Args:
            layers: Their names.
        """
        return draw_plane(self.coordinates, self._epochs, list(self.estimators), layers)

    def _write(self, trainer: pl.Trainer, layers: list[str]) -> None:
        picture = pixels_of(self.draw(layers))
        if self.folder is not None:
            names = {"estimators": np.array(list(self.estimators)), "layers": np.array(layers)}
            arrays: dict[str, Any] = {"coordinates": self.coordinates, "epochs": np.array(self._epochs), **names}
            write_whole(self.folder / "information_plane.npz", lambda file: np.savez(file, **arrays))
            write_whole(self.folder / "information_plane.png", lambda file: write_picture(picture, file))
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("information_plane", picture, trainer.global_step, dataformats="HWC")

    def state_dict(self) -> dict[str, Any]:
        """Give what a resumed run goes on from."""
        return {
            "estimators": list(self.estimators),
            "images": self._measured_on,
            "epochs": list(self._epochs),
            "coordinates": list(self._coordinates),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what was measured, if by the same estimators; on which images is found out when the fit starts."""
        self._measured_on = state_dict.get("images", "")
        self._epochs, self._coordinates = list(state_dict["epochs"]), list(state_dict["coordinates"])
        if state_dict["estimators"] != list(self.estimators):
            self._begin_anew("by other estimators")

    def _begin_anew(self, reason: str) -> None:
        logging.getLogger(__name__).warning(
            "callbacks.information_plane: the earlier epochs were measured %s, and are left out", reason
        )
        self._epochs, self._coordinates = [], []


def fingerprint_of(images: Tensor, labels: Tensor) -> str:
    """Give a text that other images, or the same ones in another order, do not share."""
    digest = hashlib.blake2b(repr((images.shape, images.dtype)).encode(), digest_size=16)
    for tensor in (images, labels):
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
