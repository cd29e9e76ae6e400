"""The network as `Trainer.fit` gets it: horizontal layers one on the other, that learn in turns or at once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lwtrain.autoencoding import learns_to_rebuild, whole_step
from lwtrain.data.index_batches import RowBatch
from lwtrain.data.mixup import blend, blend_labels
from lwtrain.data.view import as_inputs
from lwtrain.fronts.front import Front
from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.local_module import LocalStep
from lwtrain.meters import TrainingMeter
from lwtrain.micro_batches import micro_batches, shares
from lwtrain.optimizers import MakeOptimizer, OptimizerFactory, named_groups
from lwtrain.part_times import spent_on, turn_to
from lwtrain.turn_taking import TurnTakingNetwork
from lwtrain.votes import VoteRule


class LayerStack(TurnTakingNetwork):
    """A deep classifier whose layers learn each from its own problem.

    Promises: a training step changes parameters and buffers of the learning layers only; no gradient crosses from one
    layer into another; one layer's graph lives at a time.

    A schedule (`lwtrain.callbacks.layer_schedule`) calls `activate` as the run goes on, and may put a `Front` before
    the active layer. Batches are `RowBatch`es, which the front turns into activations, or `(images, labels)` of any
    loader: then the resting layers run again for each batch. The first `len(labels)` images are labelled.

    Args:
        layers: The horizontal layers, the one nearest the image first.
        head: The classifier behind the last of them.
        optimizer: Makes the optimizer from one named parameter group per layer; see `lwtrain.optimizers`.
        micro_batch: Most rows that a layer learns from at once. Larger batches run in slices whose gradients add up to
            the batch's; batch norm then takes its statistics from each slice, as on several devices. Not for layers
            whose losses compare rows of the batch: a larger one is a ValueError when they train.
        vote_rule: How the layers' votes are counted; see `lwtrain.votes.VoteRule`.

    Attributes:
        latest_losses: Of the last batch, by layer.
        before_layer: Called with a layer and the slice of the batch before the layer learns from it, where several do.
        keeps_gradients: Whether gradients stay in their places from step to step, as captured steps need them to.

    Example:
        >>> from lwtrain.backbones import BACKBONES
        >>> from lwtrain.building import build_stack
        >>> backbone = BACKBONES["vgg8b"]("vgg8b", (3, 16, 16), num_classes=10, width=0.125)
        >>> stack = build_stack(backbone, encoder="pool")
        >>> stack.names
        ['layer_0', 'layer_1', 'layer_2', 'layer_3', 'layer_4', 'layer_5', 'head']
        >>> stack(torch.rand(2, 3, 16, 16)).shape, stack.vote(torch.rand(2, 3, 16, 16)).shape
        (torch.Size([2, 10]), torch.Size([2, 10]))
    """

    def __init__(
        self,
        layers: Sequence[HorizontalLayer],
        head: LinearHead,
        optimizer: MakeOptimizer | None = None,
        micro_batch: int | None = None,
        vote_rule: VoteRule | None = None,
    ) -> None:
        super().__init__(layers, head, vote_rule)
        self.micro_batch = micro_batch
        self.front: Front | None = None
        self.meters = [TrainingMeter() for _ in self.layers]
        self.latest_losses: dict[int, Tensor] = {}
        self.before_layer: Callable[[int, int], None] | None = None
        self.keeps_gradients = False
        self._placed: list[nn.Parameter] = []  # those of the active layers, where gradients have places
        self._optimizer = optimizer or OptimizerFactory()

    @property
    def meter(self) -> TrainingMeter:
        """What the layer called `active_name` (or this process's last) has done in this epoch."""
        return self.meters[self.own_learners[-1]]

    @property
    def latest_loss(self) -> Tensor:
        """The last batch's loss of the layer called `active_name` (or of this process's last)."""
        return self.latest_losses[self.own_learners[-1]]

    @property
    def steps_backward_often(self) -> bool:
        """Whether a training step takes more than one backward pass, as many losses or slices do."""
        return len(self.learners) > 1 or self.micro_batch is not None

    @spent_on("step")
    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Forget the last step's gradients, before the first of this one's backward passes.

        Where there are many of these, gradients have their places before the first: one that was made between two
        layers' graphs would lie in the hole that the one has left, and the other would need memory of its own.
        """
        if batch_idx == 0:
            self.check_batch(batch)
            for number in self.own_learners:
                self.meters[number].reset()  # what an epoch has left that broke off
        stay = self.steps_backward_often or self.keeps_gradients
        if batch_idx % self.trainer.accumulate_grad_batches == 0:
            for optimizer in self.trainer.optimizers:
                optimizer.zero_grad(set_to_none=not stay)
        if batch_idx == 0:  # to look for them takes longer than to look at them
            self._placed = [parameter for parameter in self.parameters() if stay and parameter.requires_grad]
        for parameter in self._placed:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: torch.optim.Optimizer) -> None:
        """Do nothing: Lightning would throw away what `training_step` has gathered."""

    def on_validation_model_zero_grad(self) -> None:
        """Let go of the gradients, as Lightning does before it validates, unless they have to stay."""
        if not self.keeps_gradients:
            super().on_validation_model_zero_grad()

    def training_step(self, batch: RowBatch | tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Let the learning layers learn from one batch.

        Returns:
            The last of its losses. Of the others the gradients are taken here and now, so that each graph is gone when
            the next one grows.
        """
        turn_to("loss")  # until the optimizer steps: Lightning takes the last loss's gradients after this
        self.latest_losses = {}
        slices = self._sliced(batch)
        for place, (piece, share) in enumerate(zip(slices, shares(slices), strict=True)):
            for number, step in self._local_steps(*self._enter(piece), place):
                loss = step.losses.total * share if len(slices) > 1 else step.losses.total
                self._keep_score(number, step, piece[1], loss.detach())
                if piece is slices[-1] and number == self.own_learners[-1]:
                    return loss
                if loss.requires_grad:
                    self._backward(loss)
                del step, loss  # what they hold would stay beside the next layer's graph
        raise AssertionError("a batch has rows")

    @torch.no_grad()
    def rehearse(self, batch: RowBatch | tuple[Tensor, Tensor]) -> None:
        """Run what a training step runs on a batch, and learn nothing: each module in the mode it is in."""
        for piece in self._sliced(batch):
            for _ in self._local_steps(*self._enter(piece)):
                pass

    def _sliced(self, batch: RowBatch | tuple[Tensor, Tensor]) -> list[Any]:
        slices = micro_batches(batch, self.micro_batch)
        if len(slices) > 1 and any(self.part(number).compares_rows for number in self.learners):
            reason = "the layers' losses compare the rows of a batch, and those of its slices do not add up to them"
            raise ValueError(f"micro_batch={self.micro_batch}: {reason}; choose None")
        return slices

    def _local_steps(
        self, inputs: Tensor, labels: Tensor, images: Tensor | None, place: int = 0
    ) -> Iterator[tuple[int, LocalStep]]:
        """Run the learning layers one after the other; no graph reaches from one into the next.

        Args:
            inputs: What enters the first of them.
            labels: Of the first rows: class numbers, or how much of each class there is in them.
            images: What entered the network, where a loss asks for it.
            place: Which slice of the batch this is.
        """
        if self.end_to_end:
            yield len(self.layers) - 1, self.end_to_end_step(inputs, labels)
            return
        own, hands_on = self.own_learners, self.pipeline is not None and not self.pipeline.is_last
        for number in range(own[0], own[-1] + 1):
            if number not in own:
                with torch.no_grad():
                    inputs = self.layers[number](inputs)
                continue
            # What goes on is made before the backward pass, so that the layer's own outputs need not outlive it.
            if self.before_layer is not None and len(self.learners) > 1:
                self.before_layer(number, place)
            carry = number < own[-1] or hands_on
            step = self.part(number).local_step(inputs, labels, carry=carry, images=images)
            if step.outputs is not None:
                inputs = step.outputs.detach()
            if self.pipeline is not None and hands_on and number == own[-1]:
                with spent_on("front"):  # which waits where the next process does not keep up
                    self.pipeline.send(inputs)
            yield number, step
            del step

    def end_to_end_step(self, inputs: Tensor, labels: Tensor) -> LocalStep:
        """Compute the losses of one batch of images, with gradient for the whole backbone, or the whole autoencoder."""
        if learns_to_rebuild(self):
            return whole_step(self, inputs, labels)
        return self.part(-1).local_step(self.climb(inputs[: len(labels)], len(self.layers) - 1), labels)

    @spent_on("front")
    def _enter(self, batch: RowBatch | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor | None]:
        """Give what the lowest learning layer reads, its labels, and the images where a loss asks for them.

        What it reads comes from the front, or by running the resting layers; blended, where the batch says so.
        """
        wanted = any(self.part(number).reads_images for number in self.learners)
        if not isinstance(batch, RowBatch):
            images = as_inputs(batch[0])
            with torch.no_grad():
                return self.climb(images, self.entry), batch[1], images if wanted else None
        assert self.front is not None, "row batches come with a front"
        inputs, labels = self.front[batch.rows], batch.labels
        originals = self.front.images(batch.rows) if wanted else None
        if batch.own is None:
            return inputs, labels, originals
        if any(self.part(number).compares_rows for number in self.learners):
            reason = "the layers' losses compare rows by their classes, and blended ones have two"
            raise ValueError(f"mixup: {reason}; choose None")
        if self.pipeline is None or self.pipeline.is_first:  # what reaches the others is blended
            inputs = blend(inputs, batch.own)
        labels = blend_labels(labels, batch.own, self.num_classes)
        return inputs, labels, None if originals is None else blend(originals, batch.own)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take a loss's gradients, unless the step that gave it has; see `lwtrain.cuda_graphs`."""
        if loss.requires_grad:
            super().backward(loss, *args, **kwargs)

    def _backward(self, loss: Tensor) -> None:
        """Do what Lightning does with the loss that it is given, in the same number format."""
        with torch.autocast(self.device.type, enabled=False):
            self.trainer.strategy.backward(loss / self.trainer.accumulate_grad_batches, None)
        torch.clear_autocast_cache()  # it would keep all layers' weights in half precision until the step ends

    def _keep_score(self, number: int, step: LocalStep, labels: Tensor, loss: Tensor) -> None:
        self.meters[number].update(step.losses, step.logits, labels)
        earlier = self.latest_losses.get(number)
        self.latest_losses[number] = loss if earlier is None else earlier + loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Average the gradients of all processes, where data parallelism cannot; see `LayerSchedule`."""
        turn_to("step")
        if self.steps_backward_often and self.trainer.world_size > 1 and self.pipeline is None:
            for parameter in self.parameters():
                if parameter.grad is not None:
                    torch.distributed.all_reduce(parameter.grad)
                    parameter.grad.div_(self.trainer.world_size)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Do what Lightning does: learn, then step."""
        super().optimizer_step(*args, **kwargs)
        turn_to("rest")

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Wait for the next batch, if there is one."""
        turn_to("rest" if self.trainer.is_last_batch else "data")

    def on_train_epoch_end(self) -> None:
        """Write down what the learning layers did in this epoch."""
        figures: dict[str, Tensor] = {}
        for number in self.own_learners:
            summary = self.meters[number].summary()
            figures |= {f"{self.names[number]}/train/{name}": value for name, value in summary.items()}
        self.record(figures if self.pipeline is None else self.pipeline.together(figures))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make the one optimizer of the run: a parameter group per layer, called by the layer's name."""
        optimizer = self._optimizer(named_groups(self.names, list(self.layers)))
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        return optimizer
