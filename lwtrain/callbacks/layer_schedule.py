"""Freezes and advances: carries a schedule out inside one `Trainer.fit`."""

import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.strategies import DDPStrategy
from torch.nn.modules.batchnorm import _BatchNorm

from lwtrain.courses import Course
from lwtrain.fronts.keeper import FrontKeeper, Views
from lwtrain.optimizer_state import check_resting_state, settle_states
from lwtrain.optimizers import follow_course
from lwtrain.schedules import Moment, Together, Visit, timetable
from lwtrain.seeds import derive_seed
from lwtrain.stack import LayerStack


class LayerSchedule(Callback):
    """Lets the layers of a `LayerStack` train one after the other, as a list of visits says.

    Promises: resting layers do not move, batch-norm statistics included; what happens in an epoch follows from the
    run's seed and the epoch's number alone, so a run resumed from any epoch's checkpoint goes on bit for bit.

    The schedule decides how many epochs the run has. A Trainer with a smaller `max_epochs` stops earlier.

    Args:
        visits: Gives the visits for a number of layers (the head included); see `lwtrain.schedules`.
        front: "memory", "disk" or "recompute": how the active layer gets its inputs; see `lwtrain.fronts`. "auto" picks
            by size and free space. Where a data module deals in images rather than rows, that is "recompute".
        views: How many augmented views a visit of several epochs cycles through; "fresh": a new one for each epoch.
        front_folder: Where a front on disk lies; None: where the system keeps temporary files.
        course: "constant", "linear", "cosine", "halving" or "steps": how each layer's learning rate falls over the
            layer's own epochs; see `lwtrain.courses.Course`, also for the next three.
        halve_every: After how many of the layer's own epochs "halving" halves it, each time.
        drops_at: After which shares of the layer's own epochs "steps" lowers it.
        drop_factor: What "steps" multiplies it by, each time.
        rest: Layers that are trained already, and are not visited.
        resting_state: "same", "bf16" or "host": how the optimizer's state of a resting layer is held that trains again;
            see `lwtrain.optimizer_state`.

    Raises:
        ValueError: If front, views, course (or what belongs to it) or resting_state cannot be, or the data module does
            not fit the front.
    """

    def __init__(
        self,
        visits: Callable[[int], Iterable[Visit]],
        *,
        front: str = "auto",
        views: Views = "fresh",
        front_folder: Path | None = None,
        course: str = "linear",
        halve_every: int = 20,
        drops_at: Sequence[float] = (0.5, 0.75),
        drop_factor: float = 0.1,
        rest: Collection[int] = (),
        resting_state: str = "same",
    ) -> None:
        self.fronts = FrontKeeper(front, views, front_folder)
        self.course = Course(course, halve_every, tuple(drops_at), drop_factor)
        self.rest, self.resting_state = rest, check_resting_state(resting_state)
        self._visits = visits
        self._timetable: list[Moment] = []
        self._wrapped_for: int | Together | None = None  # whose gradients data parallelism synchronises
        self._seed: int | None = None
        self._first_epoch = 0

    def timetable(self, num_layers: int) -> list[Moment]:
        """Give every epoch of the run, for a network of `num_layers` layers, the head included."""
        return timetable(self.visits(num_layers))

    def visits(self, num_layers: int) -> list[Visit]:
        """Give the visits of the run, for a network of `num_layers` layers, the head included: what can be drawn."""
        resting: set[int | Together] = set(self.rest)
        if len(resting) == num_layers:
            resting.add(Together.SIMULTANEOUS)
        return [visit for visit in self._visits(num_layers) if visit.layer not in resting]

    def moment(self, trainer: pl.Trainer) -> Moment:
        """Tell where in the schedule the run is."""
        return self._timetable[trainer.current_epoch]

    def turns(self, first: int, end: int | None) -> set[int | Together]:
        """Tell who trains in the epochs from `first` up to, but not including, `end` (the run's end if None)."""
        return {moment.visit.layer for moment in self._timetable[first:end]}

    def seed_epoch(self, epoch: int, trainer: pl.Trainer, purpose: str) -> None:
        """Seed torch's generator for one purpose in an epoch, whatever has been drawn before."""
        assert self._seed is not None
        torch.manual_seed(derive_seed(self._seed, purpose, epoch, trainer.global_rank))

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
        pl_module.expect(self._trained(pl_module, epochs))
        pl_module.elect(self.rest)
        self._seed, self._first_epoch = torch.initial_seed(), 0  # a checkpoint, if any, is read after this

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed the first epoch, whose loader Lightning asks next, and put fronts before the active layer."""
        assert isinstance(pl_module, LayerStack)
        warnings.filterwarnings(
            "ignore", "Found .* in eval mode at the start of training"
        )  # who trains is settled here
        self.seed_epoch(self._first_epoch, trainer, "loader")
        self._wrapped_for = None  # left over where an earlier fit was interrupted
        entries = {pl_module.entry_of(turn, self.rest) for turn in self.turns(0, None)}
        longest = max((moment.visit.epochs for moment in self._timetable), default=1)
        self.fronts.open(trainer, pl_module, entries, longest)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wake the layer whose turn it is, and bring the front before it."""
        assert isinstance(pl_module, LayerStack)
        moment = self.moment(trainer)
        visit = moment.visit
        pl_module.activate(visit.layer, self.rest)
        pl_module.elect(self._trained(pl_module, trainer.current_epoch + 1))
        self._settle_states(trainer, pl_module)
        if visit.layer != self._wrapped_for:
            self._wrapped_for = visit.layer
            _synchronise_active_layer(trainer, pl_module)
        self.fronts.bring(pl_module.entry, visit.wave, moment.epoch)
        if trainer.current_epoch != self._first_epoch:  # that one's loader has begun to draw
            self.seed_epoch(trainer.current_epoch, trainer, "loader")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the active layer's learning rate; before the first batch, seed what its modules draw."""
        assert isinstance(pl_module, LayerStack)
        if batch_idx == 0:
            self.seed_epoch(trainer.current_epoch, trainer, "modules")
        moment = self.moment(trainer)
        done = moment.done(batch_idx / trainer.num_training_batches)
        factor = self.course.left(done, moment.layer_epochs)
        name = pl_module.active_name if isinstance(moment.visit.layer, int) else None
        for optimizer in trainer.optimizers:
            follow_course(optimizer, name, factor)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Bring the validation front before the active layer, hearing layers on the way that have not been heard."""
        assert isinstance(pl_module, LayerStack)
        if trainer.state.fn == "fit":
            _share_statistics(trainer)
            entry = pl_module.entry
            below = [voter for voter in pl_module.voter_numbers if voter < entry]
            self.fronts.bring_validation(entry, [voter for voter in below if not pl_module.ballots.knows([voter])])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the same weights and statistics on all processes."""
        _share_statistics(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let go of the activations, and leave a network that is ready to be used."""
        assert isinstance(pl_module, LayerStack)
        pl_module.eval()
        self.fronts.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Let go of the activations of a fit that broke off."""
        self.fronts.close()

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

    def _trained(self, stack: LayerStack, epochs: int) -> set[int]:
        """Give the layers that have trained when so many epochs are over."""
        return {layer for turn in self.turns(0, epochs) for layer in stack.learners_of(turn, self.rest)} | set(
            self.rest
        )

    def _settle_states(self, trainer: pl.Trainer, stack: LayerStack) -> None:
        """Let the optimizer hold what it remembers of each layer as the layer's rest asks for."""
        turns = [moment.visit.layer for moment in self._timetable[trainer.current_epoch :]]
        awake, later = (
            [name for number, name in enumerate(stack.names) if {number, *Together}.intersection(some)]
            for some in (turns[:1], turns)
        )
        for optimizer in trainer.optimizers:
            settle_states(optimizer, awake, later, self.resting_state)


def _synchronise_active_layer(trainer: pl.Trainer, stack: LayerStack) -> None:
    """Let data parallelism follow the active layer.

    DDP hooks itself to the parameters that need a gradient at the moment it wraps the module. A layer that wakes up
    later would train unsynchronised, and silently. It also counts on one backward pass, behind the forward pass: where
    a step takes many, the wrapping makes weights equal and is taken off again, and the stack averages its gradients.
    """
    strategy = trainer.strategy
    if isinstance(strategy, DDPStrategy):
        strategy.model = strategy.lightning_module
        strategy.configure_ddp()
        if stack.steps_backward_often:
            strategy.model = strategy.lightning_module


def _share_statistics(trainer: pl.Trainer) -> None:
    """Give all processes the first one's batch-norm statistics.

    DDP does so before each forward pass; what the last batch of an epoch has moved would stay different.
    """
    if isinstance(trainer.strategy, DDPStrategy) and trainer.world_size > 1:
        for module in trainer.lightning_module.modules():
            if isinstance(module, _BatchNorm):
                for buffer in module.buffers():
                    torch.distributed.broadcast(buffer, src=0)
