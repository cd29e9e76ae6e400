"""Freezes and advances: carries a schedule out inside one `Trainer.fit`."""

from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy
from torch.nn.modules.batchnorm import _BatchNorm

from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data.view import View
from lwtrain.front import MemoryFront, RecomputeFront
from lwtrain.optimizers import COURSES, follow_course
from lwtrain.schedules import Moment, Visit, timetable
from lwtrain.seeds import derive_seed
from lwtrain.stack import LayerStack

FRONTS: dict[str, type[MemoryFront] | type[RecomputeFront]] = {"memory": MemoryFront, "recompute": RecomputeFront}


class LayerSchedule(Callback):
    """Lets the layers of a `LayerStack` train one after the other, as a list of visits says.

    Promises: resting layers do not move, batch-norm statistics included; what happens in an epoch follows from the
    run's seed and the epoch's number alone, so a run resumed from any epoch's checkpoint goes on bit for bit.

    The schedule decides how many epochs the run has. A Trainer with a smaller `max_epochs` stops earlier.

    Args:
        visits: Gives the visits for a number of layers (the head included); see `lwtrain.schedules`.
        front: "memory" or "recompute": how the active layer gets its inputs; see `lwtrain.front`. A data module that
            deals in images rather than rows needs "recompute".
        course: "constant", "linear" or "cosine": how each layer's learning rate falls over the layer's own epochs.
        rest: Layers that are trained already, and are not visited.

    Raises:
        ValueError: If front or course is unknown, or the data module does not fit the front.
    """

    def __init__(
        self,
        visits: Callable[[int], Iterable[Visit]],
        *,
        front: str = "memory",
        course: str = "linear",
        rest: Collection[int] = (),
    ) -> None:
        if front not in FRONTS:
            raise ValueError(f"front={front}: choose {' or '.join(FRONTS)}")
        if course not in COURSES:
            raise ValueError(f"optimizer.course={course}: choose {', '.join(COURSES)}")
        self.front, self.course, self.rest = front, course, rest
        self._visits = visits
        self._timetable: list[Moment] = []
        self._view: tuple[tuple[int, int], View] | None = None
        self._validation_view: View | None = None
        self._wrapped_for: int | None = -1  # the layer that data parallelism synchronises; -1: none yet
        self._seed: int | None = None
        self._first_epoch = 0

    def timetable(self, num_layers: int) -> list[Moment]:
        """Give every epoch of the run, for a network of `num_layers` layers, the head included."""
        return timetable(visit for visit in self._visits(num_layers) if visit.layer not in self.rest)

    def moment(self, trainer: pl.Trainer) -> Moment:
        """Tell where in the schedule the run is."""
        return self._timetable[trainer.current_epoch]

    @property
    def num_waves(self) -> int:
        """How many waves the schedule has."""
        return max(moment.visit.wave for moment in self._timetable) + 1

    # Hooks, in the order in which the Trainer calls them

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Read the schedule, and set the number of epochs."""
        if stage != "fit":
            return
        assert isinstance(pl_module, LayerStack)
        self._timetable = self.timetable(len(pl_module.layers))
        epochs, wanted = len(self._timetable), trainer.max_epochs
        trainer.fit_loop.max_epochs = epochs if wanted is None or wanted < 0 else min(wanted, epochs)
        pl_module.expect({moment.visit.layer for moment in self._timetable} | set(self.rest))
        pl_module.elect(self.rest)
        self._seed, self._first_epoch = torch.initial_seed(), 0  # a checkpoint, if any, is read after this

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed the first epoch, whose loader Lightning asks next, and put fronts before the active layer."""
        assert isinstance(pl_module, LayerStack)
        self._seed_epoch(self._first_epoch, trainer, "loader")
        self._view, self._wrapped_for = None, -1  # left over where an earlier fit was interrupted
        data = self._data(trainer)
        if data is None:
            if self.front != "recompute":
                raise ValueError(f"front={self.front}: needs a SemiSupervisedDataModule; choose front=recompute")
            return
        data.images_to(pl_module.device)
        make = FRONTS[self.front]
        pl_module.front = make(list(pl_module.layers), trainer.precision_plugin.forward_context)
        pl_module.validation_front = make(list(pl_module.layers), trainer.precision_plugin.forward_context)
        self._validation_view = data.validation_view()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wake the layer whose turn it is, and bring the front before it."""
        assert isinstance(pl_module, LayerStack)
        visit = self.moment(trainer).visit
        pl_module.activate(visit.layer)
        visited = {moment.visit.layer for moment in self._timetable[: trainer.current_epoch + 1]}
        pl_module.elect(visited | set(self.rest))
        if visit.layer != self._wrapped_for:
            self._wrapped_for = visit.layer
            _synchronise_active_layer(trainer)
        if pl_module.front is not None and pl_module.validation_front is not None:
            pl_module.front.advance(visit.layer or 0, self._turn_to(trainer))
            pl_module.validation_front.forget(visit.layer or 0)
        if trainer.current_epoch != self._first_epoch:  # that one's loader has begun to draw
            self._seed_epoch(trainer.current_epoch, trainer, "loader")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the active layer's learning rate; before the first batch, seed what its modules draw."""
        assert isinstance(pl_module, LayerStack)
        if batch_idx == 0:
            self._seed_epoch(trainer.current_epoch, trainer, "modules")
        moment = self.moment(trainer)
        factor = COURSES[self.course](moment.progress(batch_idx / trainer.num_training_batches))
        name = None if pl_module.active is None else pl_module.active_name
        for optimizer in trainer.optimizers:
            follow_course(optimizer, name, factor)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Bring the validation front before the active layer, hearing layers on the way that have not been heard."""
        assert isinstance(pl_module, LayerStack)
        if trainer.state.fn == "fit":
            _share_statistics(trainer)
            self._bring_validation(trainer, pl_module, pl_module.active or 0)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the same weights and statistics on all processes."""
        _share_statistics(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let go of the activations, and leave a network that is ready to be used."""
        assert isinstance(pl_module, LayerStack)
        pl_module.eval()
        pl_module.front = pl_module.validation_front = self._view = self._validation_view = None

    def state_dict(self) -> dict[str, Any]:
        """Give what a checkpoint keeps: the seed that every epoch's randomness follows from."""
        return {"seed": self._seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the seed of the checkpoint."""
        self._seed = state_dict["seed"]

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Remember which epoch comes next; Lightning does not know it yet when the fit starts."""
        self._first_epoch = checkpoint["epoch"] + 1

    # Steps of the hooks

    def _seed_epoch(self, epoch: int, trainer: pl.Trainer, purpose: str) -> None:
        assert self._seed is not None
        torch.manual_seed(derive_seed(self._seed, purpose, epoch, trainer.global_rank))

    @staticmethod
    def _data(trainer: pl.Trainer) -> SemiSupervisedDataModule | None:
        data = trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it without declaring it
        return data if isinstance(data, SemiSupervisedDataModule) else None

    def _turn_to(self, trainer: pl.Trainer) -> View:
        """Give the augmented view of this epoch: the same for all layers of one wave."""
        moment = self.moment(trainer)
        key = (moment.visit.wave, moment.epoch)
        if self._view is None or self._view[0] != key:
            data = self._data(trainer)
            assert data is not None
            self._view = key, data.turn_to(key)
        return self._view[1]

    def _bring_validation(self, trainer: pl.Trainer, stack: LayerStack, layer: int) -> None:
        data, front, view = self._data(trainer), stack.validation_front, self._validation_view
        if data is None or front is None or view is None:
            return
        below = [voter for voter in stack.voter_numbers if voter < layer]
        with trainer.precision_plugin.forward_context():
            for unheard in [voter for voter in below if not stack.ballots.knows([voter])]:
                front.advance(unheard, view)
                for batch in islice(data.val_dataloader(), int(trainer.num_val_batches[0])):
                    stack.hear(unheard, batch)
        front.advance(layer, view)


def _synchronise_active_layer(trainer: pl.Trainer) -> None:
    """Let data parallelism follow the active layer.

    DDP hooks itself to the parameters that need a gradient at the moment it wraps the module. A layer that wakes up
    later would train unsynchronised, and silently.
    """
    strategy = trainer.strategy
    if isinstance(strategy, DDPStrategy):
        strategy.model = strategy.lightning_module
        strategy.configure_ddp()


def _share_statistics(trainer: pl.Trainer) -> None:
    """Give all processes the first one's batch-norm statistics.

    DDP does so before each forward pass; what the last batch of an epoch has moved would stay different.
    """
    if isinstance(trainer.strategy, DDPStrategy) and trainer.world_size > 1:
        for module in trainer.lightning_module.modules():
            if isinstance(module, _BatchNorm):
                for buffer in module.buffers():
                    torch.distributed.broadcast(buffer, src=0)
