"""Lets a run whose numbers went wrong go on from its last good checkpoint, the layer at half its learning rate."""

import logging
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from lwtrain.errors import NotFiniteError

MOST = 3  # for one layer in a run: an eighth of a rate that still fails was not the fault


class Rewinds(Callback):
    """Halves the learning rate of each layer because of which the run went back.

    It halves what the layer's course starts from (`initial_lr` of its parameter group), which checkpoints keep with the
    optimizer. One object serves all attempts at a run: it knows of rewinds that the checkpoint does not yet know of.

    Promises: the seed and the order of the images stay as they were; a run that is killed after a rewind and resumed
    ends as one that was not, for it fails again in the same place if no checkpoint had been stored since.

    Attributes:
        made: The rewinds so far, in order. Each has `layer` (None: all, end to end), `event` (what happened, where),
            `step` (at which it was seen), `back_to_step`, and `lr`: the halved rates by layer.
    """

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self._in_force = 0  # how many of them the optimizer knows of

    def go_back(self, error: NotFiniteError) -> None:
        """Plan to halve the rate of the layer that went wrong, when the run starts again.

        Raises:
            NotFiniteError: If that has been done too often.
        """
        earlier = sum(rewind["layer"] == error.layer for rewind in self.made)
        if earlier == MOST:
            raise NotFiniteError(
                error.layer, error.what, error.wave, error.epoch, error.step, error.checkpoint, rewinds=MOST
            ) from None
        self.made.append({"layer": error.layer, "event": error.event, "step": error.step})

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Expect a new optimizer; a checkpoint, if any, is read after this."""
        if stage == "fit":
            self._in_force = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Halve the rates for those rewinds that came after the checkpoint."""
        planned = self.made[self._in_force :]
        for rewind in planned:
            rewind.update(back_to_step=trainer.global_step, lr=_halve(trainer, rewind["layer"]))
        self._in_force = len(self.made)
        if planned:
            logging.getLogger(__name__).warning("%s", self._told(planned[-1]))

    def state_dict(self) -> dict[str, Any]:
        """Give what the optimizer knows of; nothing, where all went well."""
        return {"made": [dict(rewind) for rewind in self.made]} if self.made else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what the checkpoint knows of."""
        self._in_force = len(state_dict["made"])
        if len(self.made) < self._in_force:
            self.made = [dict(rewind) for rewind in state_dict["made"]]

    def _told(self, rewind: dict[str, Any]) -> str:
        rates = {f"{rate:g}" for rate in rewind["lr"].values()}
        halved = f"learning rate halved to {rates.pop()}" if len(rates) == 1 else "learning rates halved"
        number = sum(other["layer"] == rewind["layer"] for other in self.made)
        place = f"step {rewind['back_to_step']}" if rewind["back_to_step"] else "the start"
        return f"{rewind['event']}; back to {place}, {halved} ({number} of {MOST})"


def _halve(trainer: pl.Trainer, layer: str | None) -> dict[str, float]:
    """Halve what a layer's rate starts from, or all layers'; give the new ones by layer."""
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    found = [group for group in groups if layer is None or group.get("name", layer) == layer]
    for group in found:
        group["initial_lr"] = group.setdefault("initial_lr", group["lr"]) / 2
    return {group.get("name", "layers"): float(group["initial_lr"]) for group in found}
