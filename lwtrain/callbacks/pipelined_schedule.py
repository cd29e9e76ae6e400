"""Layers that learn at once, in a line of processes: each trains some of them, and hands on what they make."""

import logging
import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch

from lwtrain import schedules
from lwtrain.balance import balanced
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.fronts.received import ReceivedFront
from lwtrain.layer_costs import layer_costs
from lwtrain.pipeline import Pipeline
from lwtrain.pipelined_strategy import PipelinedStrategy
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of

_log = logging.getLogger(__name__)
_ASKS_EACH_STEP = "_broadcast_sigterm_tensor"  # a method of Lightning 2.6's; `StopSignal` agrees once an epoch


def _ask_nobody() -> None:
    """Do nothing."""


class PipelinedSchedule(LayerSchedule):
    """Trains all layers on every batch, as `SimultaneousSchedule` does, dealt out to the Trainer's processes.

    The first process augments the images and trains the lowest layers; what these make of a batch goes to the next one
    while the first goes on with the batch behind it. No gradient flows back, so no process waits for a later one.

    Promises: the weights are those that `SimultaneousSchedule` gives in one process, bit for bit on the CPU in
    float32, however many processes there are; so a checkpoint can be gone on from by any number of them.

    Every process holds the whole network, and after each epoch as it then is: all of them validate, each a share of the
    images. Gradients, and what the optimizer remembers, each has of its own layers only.

    Args:
        epochs: Epochs in all.
        deal: How many layers each process trains, first to last, the head included; None: by what each layer's step
            costs, measured when the fit starts, so that the busiest process has as little to do as can be.
        queue: How many batches may be on their way from one process to the next.
        settings: `front`, `course` and `resting_state`, as `LayerSchedule` takes them.

    Raises:
        ValueError: If deal or queue cannot be; in `fit`, if they do not fit the network and the Trainer.
    """

    def __init__(self, epochs: int, deal: Sequence[int] | None = None, queue: int = 2, **settings: Any) -> None:
        super().__init__(partial(schedules.simultaneous, epochs=epochs), **settings)
        if queue < 1:
            raise ValueError(f"schedule.queue={queue}: choose 1 or more")
        if deal is not None and min(deal, default=0) < 1:
            raise ValueError(f"schedule.deal={list(deal)}: choose 1 or more layers for each process")
        if self.rest:
            raise ValueError("schedule=pipelined: trains all layers; choose schedule=simultaneous where some rest")
        self.deal, self.queue = deal, queue

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Make sure that there is a line to train in, and let each process read whole batches."""
        super().setup(trainer, pl_module, stage)
        if stage != "fit":
            return
        if not isinstance(pl_module, LayerStack):
            raise ValueError(f"schedule=pipelined: {type(pl_module).__name__} is no LayerStack; choose simultaneous")
        if trainer.world_size > 1 and not isinstance(trainer.strategy, PipelinedStrategy):
            raise ValueError("schedule=pipelined: needs Trainer(strategy=PipelinedStrategy()) for several processes")
        data = datamodule_of(trainer)
        if not isinstance(data, SemiSupervisedDataModule):
            raise ValueError("schedule=pipelined: needs a SemiSupervisedDataModule; choose schedule=simultaneous")
        data.shares_batches = False
        self._check_deal(len(pl_module.layers), trainer.world_size)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Deal the layers out."""
        assert isinstance(pl_module, LayerStack)
        if trainer.world_size > 1:
            pl_module.pipeline = Pipeline(self._slices(trainer, pl_module), trainer.global_rank, self.queue)
            # Lightning asks before each batch whether the first process got a SIGTERM: all would keep in step by that.
            trainer.fit_loop.epoch_loop.__dict__[_ASKS_EACH_STEP] = _ask_nobody
            self._count_all(pl_module, together=False)  # each has other layers, and the line brings figures together
        super().on_fit_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say how many batches are going to come."""
        self.fronts.num_batches = int(trainer.num_training_batches)
        super().on_train_epoch_start(trainer, pl_module)

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Give all processes the layers as they are now."""
        self._share(pl_module)
        super().on_validation_epoch_start(trainer, pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Do so also where nothing has been validated."""
        self._share(pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the line."""
        super().on_train_end(trainer, pl_module)
        self._leave(trainer, pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leave it after a fit that broke off."""
        super().on_exception(trainer, pl_module, exception)
        self._leave(trainer, pl_module)

    def place(self, trainer: pl.Trainer) -> int:
        """Let every process draw what one alone would."""
        return 0

    def given_front(self, pl_module: LayerStack) -> ReceivedFront | None:
        """Let all processes but the first wait for the one before them."""
        line = pl_module.pipeline
        return None if line is None or line.is_first else ReceivedFront(line, pl_module.device)

    def _check_deal(self, num_layers: int, num_processes: int) -> None:
        if num_processes > num_layers:
            raise ValueError(f"trainer.devices={num_processes}: choose 1 to {num_layers}, the layers of this network")
        if self.deal is not None and (len(self.deal), sum(self.deal)) != (num_processes, num_layers):
            wanted = f"a number for each of {num_processes} processes, {num_layers} layers in all"
            raise ValueError(f"schedule.deal={list(self.deal)}: choose {wanted}")

    def _slices(self, trainer: pl.Trainer, stack: LayerStack) -> list[range]:
        if self.deal is not None:
            ends = [sum(self.deal[: rank + 1]) for rank in range(len(self.deal))]
            return [range(end - count, end) for end, count in zip(ends, self.deal, strict=True)]
        data = datamodule_of(trainer)
        assert isinstance(data, SemiSupervisedDataModule), "setup has seen to that"
        own = layer_costs(stack, data.batch_size, trainer.precision_plugin.forward_context)
        every: list[list[float]] = [[] for _ in range(trainer.world_size)]
        torch.distributed.all_gather_object(every, own)  # measured by all at once: so they will compute, too
        costs = [statistics.mean(layer) for layer in zip(*every, strict=True)]
        slices = balanced(costs, trainer.world_size)
        if trainer.is_global_zero:
            milliseconds = ", ".join(f"{1000 * cost:.1f}" for cost in costs)
            _log.info(
                "schedule.deal=%s, as a step takes %s ms by layer", [len(dealt) for dealt in slices], milliseconds
            )
        return slices

    @staticmethod
    def _share(module: pl.LightningModule) -> None:
        if isinstance(module, LayerStack) and module.pipeline is not None:
            module.pipeline.drain()
            module.pipeline.share(list(module.layers))

    @staticmethod
    def _leave(trainer: pl.Trainer, module: pl.LightningModule) -> None:
        data = datamodule_of(trainer)
        if isinstance(data, SemiSupervisedDataModule):
            data.shares_batches = True
        if isinstance(module, LayerStack):
            module.pipeline = None
            trainer.fit_loop.epoch_loop.__dict__.pop(_ASKS_EACH_STEP, None)
            PipelinedSchedule._count_all(module, together=True)

    @staticmethod
    def _count_all(stack: LayerStack, *, together: bool) -> None:
        for meter in stack.meters:
            meter.together = together
