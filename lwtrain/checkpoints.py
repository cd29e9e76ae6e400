"""Checkpoints that are whole or not there, and that hold tensors and plain Python values only."""

from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Checkpoint

from lwtrain.checkpoint_format import brought_up
from lwtrain.errors import DataError
from lwtrain.files import write_whole
from lwtrain.network import OF_VALIDATION
from lwtrain.undeclared import is_trial_run
from lwtrain.whole_archives import is_whole


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes each checkpoint beside its place and renames it, so that a kill leaves the old one or the new one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write `checkpoint` to `path`, wholly or not at all."""
        write_whole(Path(path), lambda file: torch.save(checkpoint, file))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        """Read a checkpoint; see `load_checkpoint`."""
        return load_checkpoint(Path(path))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU without running any code that it may bring; an older one is brought up to date.

    Raises:
        DataError: If the file is missing, cut short, damaged in a single bit, of a later version of lwtrain, or holds
            more than tensors and plain values.
    """
    if not path.exists():
        raise DataError(f"ckpt_path={path}: there is no such file")
    try:
        if not is_whole(path):
            raise ValueError("its bytes are not those that were written")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes make torch's reader fail in any way: KeyError, IndexError, ...
        raise DataError(
            f"ckpt_path={path}: not a readable checkpoint (cut short or damaged?). Choose another one"
        ) from error
    if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
        raise DataError(f"ckpt_path={path}: not a checkpoint of lwtrain. Choose a last.ckpt or best.ckpt")
    return brought_up(checkpoint, path)


class RunCheckpoints(Checkpoint):
    """Keeps two checkpoints of a run: `last.ckpt` of the last epoch, and `best.ckpt` of the best vote.

    The vote counts when all layers have spoken for the network as it stands: at a wave's end, or while the head
    trains. Where weights are averaged at the end (`WeightAverage`), the last epoch's network and vote are the averaged
    ones, for both files. Loggers are flushed first, so that what they hold is never behind the checkpoint.

    Args:
        folder: Where the two files go.
        config: What the run was made with, as plain values; stored in every checkpoint.
        images: What is known of its data set, the same; see `lwtrain.data.dataset_info.DatasetInfo.plain`.

    Attributes:
        latest: The checkpoint to go on from: what this fit has stored last, or begun from.
    """

    def __init__(
        self, folder: Path, config: dict[str, Any] | None = None, images: dict[str, Any] | None = None
    ) -> None:
        self.folder, self.config, self.images = folder, config, images
        self.best: float = -1.0
        self.latest: Path | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember what the fit begins from."""
        self.latest = None if trainer.ckpt_path is None else Path(trainer.ckpt_path)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save the epoch; Lightning calls this after all other callbacks and the module."""
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return  # stopped in mid-epoch: the checkpoint before it is the one to go on from
        if is_trial_run(trainer):
            return
        for logger in trainer.loggers:
            logger.save()
        if self._improved(trainer):  # first: a kill in between must not leave a last that knows of a best never stored
            trainer.save_checkpoint(self.folder / "best.ckpt")
        trainer.save_checkpoint(self.folder / "last.ckpt")
        self.latest = self.folder / "last.ckpt"

    def _improved(self, trainer: pl.Trainer) -> bool:
        vote = getattr(trainer.lightning_module, "complete_vote", None)
        if vote is None or float(vote) <= self.best:
            return False
        self.best = float(vote)
        return True

    def renew(self, trainer: pl.Trainer) -> None:
        """Let the networks in the checkpoints vote as the run's does after a validation that the fit did not make.

        That one may weigh votes otherwise, and a run that is continued may count its votes by another rule.
        """
        if is_trial_run(trainer) or not trainer.is_global_zero:
            return
        for path in filter(Path.is_file, (self.folder / "last.ckpt", self.folder / "best.ckpt")):
            stored = load_checkpoint(path)
            renewed = {**stored, "config": self.config}
            if stored["global_step"] == trainer.global_step:  # others hold other weights
                tensors = trainer.lightning_module.state_dict()
                found = {name: tensors[name].cpu() for name in OF_VALIDATION}
                renewed["state_dict"] = {**stored["state_dict"], **found}
            write_whole(path, partial(torch.save, renewed))

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Store the run's settings beside the weights, and what a network has to know of the images that it reads."""
        checkpoint["config"], checkpoint["images"] = self.config, self.images

    def state_dict(self) -> dict[str, Any]:
        """Give the best vote so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best vote so far."""
        self.best = state_dict["best"]
