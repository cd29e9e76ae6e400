"""Averages each layer's weights over its last epochs, and ends the run with the averages: SWA, layer by layer."""

import logging
import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from lwtrain.batch_statistics import batch_norms, estimating
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.part_times import spent_on
from lwtrain.schedules import Together, check_average_last, own_epochs
from lwtrain.stack import LayerStack


class WeightAverage(Callback):
    """Ends a run with the mean of what each layer's weights were at the end of the layer's own last epochs.

    All layers get their averages at once, when the schedule's last epoch is over. Then all their batch norms gather
    statistics anew, from that epoch's batches: layers above were trained on what the layers below gave before, and this
    takes care of the scale. Then the layers and their vote are validated once more. Checkpoints are stored after that:
    `last.ckpt` holds the averaged network and its own figures, and `best.ckpt` becomes the averaged network only if its
    vote is better than that of all earlier epochs; the last epoch's network before averaging is nobody's.

    Promises: until then, nothing changes by its presence; a run resumed from any epoch ends in the same averages, bit
    for bit; layers that the schedule does not train are left alone. A run that stops before its schedule's end is not
    averaged, and a warning says so; resumed, it will be.

    The means are kept in float32, in main memory and in checkpoints.

    Source: Izmailov et al. 2018, *Averaging Weights Leads to Wider Optima and Better Generalization*, arXiv:1803.05407.

    Args:
        schedule: That of the run, one of its Trainer's callbacks as well.
        last: Over how many of each layer's own epochs.

    Raises:
        ValueError: If `last` is below 1; in `fit`, if a layer trains for fewer epochs, or a checkpoint that is resumed
            from was made without such averages when they had begun.

    Example:
        >>> from lwtrain.callbacks.named_schedules import WaveSchedule
        >>> schedule = WaveSchedule(epochs=8, waves=8)
        >>> callbacks = [schedule, WeightAverage(schedule, last=3)]  # of the last three waves
    """

    def __init__(self, schedule: LayerSchedule, last: int) -> None:
        if last < 1:
            raise ValueError(f"optimizer.average_last={last}: choose 1 or more")
        self.last = last
        self._schedule = schedule
        self._due: dict[int, list[int]] = {}  # for each layer that trains, the epochs after which its weights count
        self._means: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}  # of how many epochs each mean is
        self._counted = 0  # epochs, of all layers together
        self._done = False

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Read the schedule."""
        if stage != "fit":
            return
        assert isinstance(pl_module, LayerStack)
        num_layers = len(pl_module.layers)
        own = own_epochs(self._schedule.timetable(num_layers), num_layers, self._schedule.rest)
        check_average_last(self.last, map(len, own.values()))
        self._due = {layer: epochs[-self.last :] for layer, epochs in own.items()}
        # A checkpoint, if there is one, is read after this.
        self._means, self._counts, self._counted, self._done = {}, {}, 0, False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make sure that the means of a run that goes on are of all epochs that are due."""
        past = sum(epoch < trainer.current_epoch for epochs in self._due.values() for epoch in epochs)
        if past != self._counted:
            reason = f"of these epochs, the checkpoint holds averages of {self._counted}"
            raise ValueError(
                f"optimizer.average_last={self.last}: layers have trained for {past} {reason}; choose as it was made"
            )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let the weights count; when the schedule is over, let the averages take their places."""
        assert isinstance(pl_module, LayerStack)
        if not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return  # stopped in mid-epoch: the epoch will be made again
        for layer, epochs in self._due.items():
            if trainer.current_epoch in epochs:
                self._count(pl_module, layer)
                self._counted += 1
        if trainer.current_epoch == max(epochs[-1] for epochs in self._due.values()):
            self._finish(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say so, where nothing has been averaged."""
        if not self._done and trainer.is_global_zero:
            reason = "the run has stopped before its schedule's end"
            logging.getLogger(__name__).warning("optimizer.average_last=%d: not averaged: %s", self.last, reason)

    def state_dict(self) -> dict[str, Any]:
        """Give the means so far, and of how many epochs they are."""
        return {"means": dict(self._means), "counts": dict(self._counts), "counted": self._counted}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the means so far."""
        self._means, self._counts = dict(state_dict["means"]), dict(state_dict["counts"])
        self._counted = state_dict["counted"]

    # Steps of the hooks

    def _count(self, stack: LayerStack, layer: int) -> None:
        """Add those weights of a layer to the means that have learned, by the formula of `torch.optim.swa_utils`."""
        for name, parameter in _weights(stack, layer):
            if parameter.requires_grad:
                count = self._counts.get(name, 0)
                weight = parameter.detach().to("cpu", torch.float32, copy=True)
                self._means[name] = self._means[name].lerp_(weight, 1 / (count + 1)) if count else weight
                self._counts[name] = count + 1

    @torch.no_grad()
    def _finish(self, trainer: pl.Trainer, stack: LayerStack) -> None:
        for layer in self._due:
            for name, parameter in _weights(stack, layer):
                if name in self._means:
                    parameter.copy_(self._means[name])
        self._means, self._counts, self._done = {}, {}, True
        turn = self._schedule.moment(trainer).visit.layer
        stack.end_to_end = turn is Together.BACKPROP
        stack.learners = stack.learners_of(turn) if stack.end_to_end else sorted(self._due)
        self._estimate_statistics(trainer, stack)
        stack.forget_opinions()
        _validate(trainer)
        stack.activate(turn, self._schedule.rest)

    @spent_on("loss")
    def _estimate_statistics(self, trainer: pl.Trainer, stack: LayerStack) -> None:
        """Send the last epoch's batches through all layers that have got averages."""
        moment, averaged = self._schedule.moment(trainer), [stack.layers[layer] for layer in self._due]
        self._schedule.fronts.bring(stack.entry, moment.visit.wave, moment.epoch)
        self._schedule.seed_epoch(trainer.current_epoch, trainer, "statistics")  # a loader may draw
        with estimating(stack, averaged):
            for batch in _batches(trainer, stack):
                with trainer.precision_plugin.forward_context():
                    stack.rehearse(batch)
        if trainer.world_size > 1:  # each process has passed as many batches, of its own rows
            for norm in batch_norms(averaged):
                for buffer in norm.buffers():
                    if buffer.is_floating_point():
                        torch.distributed.all_reduce(buffer)
                        buffer.div_(trainer.world_size)


def _weights(stack: LayerStack, layer: int) -> Iterator[tuple[str, nn.Parameter]]:
    return stack.layers[layer].named_parameters(prefix=stack.names[layer])


def _batches(trainer: pl.Trainer, stack: LayerStack) -> Iterator[Any]:
    """Give an epoch's batches as a training step gets them."""
    most = trainer.num_training_batches
    for batch in islice(trainer.train_dataloader or (), None if math.isinf(most) else int(most)):
        converted = trainer.precision_plugin.convert_input(batch)
        yield trainer.strategy.batch_to_device(stack._on_before_batch_transfer(converted))


def _validate(trainer: pl.Trainer) -> None:
    """Validate within the fit, as Lightning does when an epoch is over."""
    connector = trainer._logger_connector
    first_iteration = connector._first_loop_iter
    trainer.validating = True
    trainer.fit_loop.epoch_loop.val_loop.run()
    trainer.training = True
    connector._first_loop_iter = first_iteration
