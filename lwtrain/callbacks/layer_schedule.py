"""Freezes and advances: carries a schedule out inside one `Trainer.fit`."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy

from lwtrain import schedules
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
        pl_module.elect({moment.visit.layer for moment in self._timetable} | set(self.rest))
        if self._seed is None:
            self._seed = torch.initial_seed()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put a front before the active layer, one for training and one for validation."""
        assert isinstance(pl_module, LayerStack)
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
        assert self._seed is not None
        visit = self.moment(trainer).visit
        pl_module.activate(visit.layer)
        if visit.layer != self._wrapped_for:
            self._wrapped_for = visit.layer
            _synchronise_active_layer(trainer)
        if pl_module.front is not None:
            pl_module.front.advance(visit.layer or 0, self._turn_to(trainer))
        torch.manual_seed(derive_seed(self._seed, "epoch", trainer.current_epoch, trainer.global_rank))

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the active layer's learning rate."""
        assert isinstance(pl_module, LayerStack)
        moment = self.moment(trainer)
        factor = COURSES[self.course](moment.progress(batch_idx / trainer.num_training_batches))
        name = None if pl_module.active is None else pl_module.active_name
        for optimizer in trainer.optimizers:
            follow_course(optimizer, name, factor)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Bring the validation front before the active layer, hearing layers on the way that have not been heard."""
        assert isinstance(pl_module, LayerStack)
        if trainer.state.fn == "fit":
            self._bring_validation(trainer, pl_module, pl_module.active or 0)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let go of the activations."""
        assert isinstance(pl_module, LayerStack)
        pl_module.front = pl_module.validation_front = self._view = self._validation_view = None

    def state_dict(self) -> dict[str, Any]:
        """Give what a checkpoint keeps: the seed that every epoch's randomness follows from."""
        return {"seed": self._seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the seed of the checkpoint."""
        self._seed = state_dict["seed"]

    # Steps of the hooks

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
        voters = torch.nonzero(stack.voters[:layer]).flatten().tolist()
        with trainer.precision_plugin.forward_context():
            for unheard in [voter for voter in voters if not stack.ballots.knows([voter])]:
                front.advance(unheard, view)
                for batch in islice(data.val_dataloader(), int(trainer.num_val_batches[0])):
                    stack.hear(unheard, front[batch.rows], batch.labels)
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


class SequentialSchedule(LayerSchedule):
    """Trains each layer to its end before the next one starts.

    Args:
        epochs: Epochs per layer.
        settings: `front`, `course` and `rest`, as `LayerSchedule` takes them.
    """

    def __init__(self, epochs: int, **settings: Any) -> None:
        super().__init__(partial(schedules.sequential, epochs=epochs), **settings)


class WaveSchedule(LayerSchedule):
    """Sweeps from the first layer to the head again and again; every layer trains a share of its epochs at a time.

    Args:
        epochs: Epochs per layer in all.
        waves: How many sweeps share them; a divisor of `epochs`.
        settings: `front`, `course` and `rest`, as `LayerSchedule` takes them.

    Example:
        >>> [moment.visit.layer for moment in WaveSchedule(epochs=2, waves=2).timetable(num_layers=3)]
        [0, 1, 2, 0, 1, 2]
    """

    def __init__(self, epochs: int, waves: int, **settings: Any) -> None:
        super().__init__(partial(schedules.wave, epochs=epochs, waves=waves), **settings)


class BackpropSchedule(LayerSchedule):
    """Trains the whole backbone end to end, without sidecars: the baseline.

    Args:
        epochs: Epochs in all.
        settings: `front`, `course` and `rest`, as `LayerSchedule` takes them.
    """

    def __init__(self, epochs: int, **settings: Any) -> None:
        super().__init__(partial(schedules.backprop, epochs=epochs), **settings)


class CustomSchedule(LayerSchedule):
    """Takes its visits from a list.

    Args:
        visits: Mappings with layer, epochs and wave; see `lwtrain.schedules.custom`.
        settings: `front`, `course` and `rest`, as `LayerSchedule` takes them.
    """

    def __init__(self, visits: Iterable[Mapping[str, Any]], **settings: Any) -> None:
        super().__init__(partial(schedules.custom, visits=list(visits)), **settings)
