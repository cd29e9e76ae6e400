"""Freezes and advances: carries a schedule out inside one `Trainer.fit`."""

import warnings
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lwtrain.courses import Course
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data_parallel import share_statistics, synchronise_active_layer
from lwtrain.fronts.front import Front
from lwtrain.fronts.keeper import FrontKeeper, Views
from lwtrain.layered_module import activate, layers_of, names_of
from lwtrain.optimizer_state import check_resting_state, settle_states
from lwtrain.optimizers import follow_course
from lwtrain.schedules import Moment, Turn, Visit, awake, own_epochs, timetable
from lwtrain.seeds import seed_modules
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of


class LayerSchedule(Callback):
    """Lets the layers of a network train one after the other, as a list of visits says.

    The network is a `LayerStack`, or any LightningModule of your own that has `layers`; see
    `lwtrain.LayeredModule`. Only a stack has fronts, a vote and states of its optimizer that rest.

    Promises: resting layers do not move, batch-norm statistics included; what happens in an epoch follows from the
    run's seed and the epoch's number alone, so a run resumed from any epoch's checkpoint goes on bit for bit.

    The schedule decides how many epochs the run has. A Trainer with a smaller `max_epochs` stops earlier.

    Args:
        visits: Gives the visits for a number of layers (the head included); see `lwtrain.schedules`.
        front: "memory", "disk" or "recompute": how the active layer gets its inputs; see `lwtrain.fronts`. "auto" picks
            by size and free space. Where a data module deals in images rather than rows, that is "recompute".
        views: How many augmented views a visit of several epochs cycles through; "fresh": a new one for each epoch.
        front_folder: Where a front on disk lies; None: where the system keeps temporary files.
        course: How each layer's learning rate rises and falls over the layer's own epochs: a `Course`, or the name of
            one that needs nothing more. None: rates are left to the network, which may have a scheduler for them.
        rest: Layers that are trained already, and are not visited.
        resting_state: "same", "bf16" or "host": how the optimizer's state of a resting layer is held that trains again;
            see `lwtrain.optimizer_state`.

    Raises:
        ValueError: If front, views, course or resting_state cannot be; in `fit`, if the data
            module does not fit the front, or the network is no `LayerStack` and front, views, front_folder or
            resting_state is given, or it has no layers, or a scheduler beside the course.
    """

    def __init__(
        self,
        visits: Callable[[int], Iterable[Visit]],
        *,
        front: str = "auto",
        views: Views = "fresh",
        front_folder: Path | None = None,
        course: Course | str | None = "linear",
        rest: Collection[int] = (),
        resting_state: str = "same",
    ) -> None:
        self.fronts = FrontKeeper(front, views, front_folder)
        self.course = Course(course) if isinstance(course, str) else course
        self.rest, self.resting_state = rest, check_resting_state(resting_state)
        given = {"front": front, "views": views, "front_folder": front_folder, "resting_state": resting_state}
        left_out = {"front": "auto", "views": "fresh", "front_folder": None, "resting_state": "same"}
        self._for_stacks = {name: value for name, value in given.items() if value != left_out[name]}
        self._visits = visits
        self._timetable: list[Moment] = []
        self._own_epochs: dict[int, list[int]] = {}
        self._wrapped_for: Turn | None = None  # whose gradients data parallelism synchronises
        self._seed: int | None = None
        self._first_epoch = 0

    def timetable(self, num_layers: int) -> list[Moment]:
        """Give every epoch of the run, for a network of `num_layers` layers, the head included."""
        return timetable(self.visits(num_layers))

    def visits(self, num_layers: int) -> list[Visit]:
        """Give the visits of the run, for a network of `num_layers` layers, the head included: what can be drawn."""
        rest = set(self.rest)
        return [
            visit
            for visit in self._visits(num_layers)
            if visit.layer not in rest and awake(visit.layer, num_layers, rest)
        ]

    def moment(self, trainer: pl.Trainer) -> Moment:
        """Tell where in the schedule the run is."""
        return self._timetable[trainer.current_epoch]

    def end_of(self, visit: Visit) -> int:
        """Tell what the epoch behind a visit's last would be called, those included that go on where it has stopped."""
        end = visit.end
        for later in (moment.visit for moment in self._timetable):
            if later.begin == end and later.begin > 0 and later.wave == visit.wave:
                end = later.end
        return end

    def turns(self, first: int, end: int | None) -> set[Turn]:
        """Tell who trains in the epochs from `first` up to, but not including, `end` (the run's end if None)."""
        return {moment.visit.layer for moment in self._timetable[first:end]}

    def moving(self, first: int, end: int) -> set[int]:
        """Tell which layers move in the epochs from `first` up to, but not including, `end`."""
        return {layer for layer, epochs in self._own_epochs.items() if any(first <= epoch < end for epoch in epochs)}

    def seed_epoch(self, epoch: int, trainer: pl.Trainer, purpose: str) -> None:
        """Seed torch's generator for one purpose in an epoch, whatever has been drawn before."""
        assert self._seed is not None
        seed_modules(trainer.strategy.root_device, self._seed, purpose, epoch, self.place(trainer))

    def place(self, trainer: pl.Trainer) -> int:
        """Tell which of the processes that draw differently this one is."""
        return trainer.global_rank

    def given_front(self, pl_module: LayerStack) -> Front | None:
        """Give the front that stands before the layers in training; None: the activations are to be rolled here."""
        return None

    @property
    def num_waves(self) -> int:
        """How many waves the schedule has."""
        return max(moment.visit.wave for moment in self._timetable) + 1

    # Hooks, in the order in which the Trainer calls them

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Read the schedule, and set the number of epochs."""
        if stage != "fit":
            return
        num_layers = len(layers_of(pl_module))
        self._timetable = self.timetable(num_layers)
        self._own_epochs = own_epochs(self._timetable, num_layers, self.rest)
        epochs, wanted = len(self._timetable), trainer.max_epochs
        trainer.fit_loop.max_epochs = epochs if wanted is None or wanted < 0 else min(wanted, epochs)
        if isinstance(pl_module, LayerStack):
            pl_module.expect(self._trained(pl_module, epochs))
            pl_module.elect(self.rest)
        else:
            self._refuse_what_stacks_have(trainer, pl_module)
        self._seed, self._first_epoch = torch.initial_seed(), 0  # a checkpoint, if any, is read after this

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Seed the first epoch, whose loader Lightning asks next, and put fronts before the active layer."""
        warnings.filterwarnings(
            "ignore", "Found .* in eval mode at the start of training"
        )  # who trains is settled here
        self.seed_epoch(self._first_epoch, trainer, "loader")
        self._wrapped_for = None  # left over where an earlier fit was interrupted
        if isinstance(pl_module, LayerStack):
            entries = {pl_module.entry_of(turn, self.rest) for turn in self.turns(0, None)}
            longest = max((moment.visit.end for moment in self._timetable), default=1)
            self.fronts.open(trainer, pl_module, entries, longest, self.given_front(pl_module))
        else:
            for moment in self._timetable[self._first_epoch :][:1]:  # a look at validation images comes before training
                activate(pl_module, moment.visit.layer, self.rest)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make sure that nobody else sets the learning rates."""
        if self.course is not None and trainer.lr_scheduler_configs:
            reason = "the schedule sets the learning rates, and so would the network's own scheduler"
            raise ValueError(f"course={self.course.name}: {reason}; choose None, or leave that out")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Wake the layer whose turn it is, and bring the front before it."""
        moment = self.moment(trainer)
        visit = moment.visit
        activate(pl_module, visit.layer, self.rest)
        if visit.layer != self._wrapped_for:
            self._wrapped_for = visit.layer
            synchronise_active_layer(trainer)
        if isinstance(pl_module, LayerStack):
            pl_module.elect(self._trained(pl_module, trainer.current_epoch + 1))
            self._settle_states(trainer, pl_module)
            self.fronts.bring(pl_module.entry, visit.wave, moment.epoch)
        if trainer.current_epoch != self._first_epoch:  # that one's loader has begun to draw
            self.seed_epoch(trainer.current_epoch, trainer, "loader")

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the active layer's learning rate; before the first batch, seed what its modules draw.

        Layers that learn at once are seeded one by one, batch by batch: so they draw the same in whatever process.
        """
        if batch_idx == 0:
            self.seed_epoch(trainer.current_epoch, trainer, "modules")
        if isinstance(pl_module, LayerStack):
            assert self._seed is not None
            place = ("modules", trainer.current_epoch, self.place(trainer), batch_idx)
            pl_module.before_layer = partial(seed_modules, pl_module.device, self._seed, *place)
        if self.course is None:
            return
        share, names, factors = batch_idx / trainer.num_training_batches, names_of(pl_module), {}
        for layer in awake(self.moment(trainer).visit.layer, len(names), self.rest):
            epochs = self._own_epochs[layer]
            factors[names[layer]] = self.course.left(epochs.index(trainer.current_epoch) + share, len(epochs))
        for optimizer in trainer.optimizers:
            follow_course(optimizer, factors)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Bring the validation front before the active layer, hearing layers on the way that have not been heard."""
        if trainer.state.fn != "fit":
            return
        share_statistics(trainer)
        if isinstance(pl_module, LayerStack):
            entry = pl_module.entry
            below = [voter for voter in pl_module.voter_numbers if voter < entry]
            self.fronts.bring_validation(entry, [voter for voter in below if not pl_module.ballots.knows([voter])])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the same weights and statistics on all processes."""
        share_statistics(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let go of the activations, and leave a network that is ready to be used."""
        pl_module.eval()
        self._let_go(pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Let go of the activations of a fit that broke off."""
        self._let_go(pl_module)

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

    def _let_go(self, module: pl.LightningModule) -> None:
        self.fronts.close()
        if isinstance(module, LayerStack):
            module.before_layer = None

    def _refuse_what_stacks_have(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        name = type(module).__name__
        for setting, value in self._for_stacks.items():
            raise ValueError(f"{setting}={value}: {name} is no LayerStack, which alone has a use for it; leave it out")
        data = datamodule_of(trainer)
        if isinstance(data, SemiSupervisedDataModule):
            reason = f"deals in rows of a front, which {name} has not"
            raise ValueError(f"SemiSupervisedDataModule: {reason}; choose loaders of (images, labels)")

    def _trained(self, stack: LayerStack, epochs: int) -> set[int]:
        """Give the layers that have trained when so many epochs are over."""
        return {layer for turn in self.turns(0, epochs) for layer in stack.learners_of(turn, self.rest)} | set(
            self.rest
        )

    def _settle_states(self, trainer: pl.Trainer, stack: LayerStack) -> None:
        """Let the optimizer hold what it remembers of each layer as the layer's rest asks for."""
        epoch = trainer.current_epoch
        now, later = (
            [stack.names[layer] for layer in self.moving(epoch, end)] for end in (epoch + 1, len(self._timetable))
        )
        for optimizer in trainer.optimizers:
            settle_states(optimizer, now, later, self.resting_state)
