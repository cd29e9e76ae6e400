"""The network as `Trainer.fit` gets it: horizontal layers one on the other, of which one trains and the others rest."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lwtrain.ballots import Ballots
from lwtrain.data.index_batches import RowBatch
from lwtrain.data.view import as_inputs
from lwtrain.front import Front
from lwtrain.layer import HorizontalLayer, LinearHead, LocalModule, LocalStep
from lwtrain.meters import TrainingMeter
from lwtrain.optimizers import MakeOptimizer, OptimizerFactory, named_groups
from lwtrain.tally import Tally


class LayerStack(pl.LightningModule):
    """A deep classifier whose layers learn one at a time, each from its own problem.

    Promises: a training step changes parameters and buffers of the active layer only; no gradient crosses from one
    layer into another; `forward` needs neither sidecars nor objectives.

    A schedule (`lwtrain.callbacks.layer_schedule`) calls `activate` as the run goes on, and may put a `Front` before
    the active layer. Batches are `RowBatch`es, which the front turns into activations, or `(images, labels)` of any
    loader: then the resting layers run again for each batch. The first `len(labels)` images are labelled.

    Args:
        layers: The horizontal layers, the one nearest the image first.
        head: The classifier behind the last of them.
        optimizer: Makes the optimizer from one named parameter group per layer; see `lwtrain.optimizers`.

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

    voters: Tensor

    def __init__(
        self, layers: Sequence[HorizontalLayer], head: LinearHead, optimizer: MakeOptimizer | None = None
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList([*layers, head])
        self.names = [*(f"layer_{number}" for number in range(len(layers))), "head"]
        self.num_classes = head.num_classes
        self.active: int | None = 0
        self.front: Front | None = None
        self.validation_front: Front | None = None
        self.ballots, self.test_ballots = Ballots(), Ballots()
        self.meter = TrainingMeter(self.num_classes)
        self._tally = Tally(self.names, self.num_classes)
        self.figures: dict[str, float] = {}  # the latest of each tag
        self.expected = set(range(len(self.layers)))
        self.complete_vote: Tensor | None = None  # the last validation's, where all voters had spoken
        self.register_buffer("voters", torch.ones(len(self.layers), dtype=torch.bool))
        self._optimizer = optimizer or OptimizerFactory()

    # What a trained network is used for

    def forward(self, images: Tensor) -> Tensor:
        """Give the backbone's logits, (batch, classes), for images: uint8, or floats in [0, 1]."""
        return self._climb(as_inputs(images), len(self.layers))

    @torch.no_grad()
    def layer_probabilities(self, images: Tensor) -> Tensor:
        """Give every layer's class probabilities, (layers, batch, classes), the head's last, in one forward pass."""
        return torch.stack([logits.float().softmax(dim=1) for logits in self._opinions(images, len(self.layers))])

    def vote(self, images: Tensor) -> Tensor:
        """Give the mean of the trained layers' class probabilities, (batch, classes)."""
        return self.layer_probabilities(images)[self.voters].mean(dim=0)

    # Who trains

    def activate(self, layer: int | None) -> None:
        """Let one layer train and all others rest; None: the whole backbone trains end to end, the sidecars rest."""
        self.active = layer
        for part in self.layers:
            part.requires_grad_(False).eval()
        for module in self._learners():
            module.requires_grad_(True).train()
        for number in range(len(self.layers)):
            for parameter in self._part(number).idle_parameters():
                parameter.requires_grad_(False)  # data parallelism would wait for its gradient

    def elect(self, layers: Iterable[int | None]) -> None:
        """Let those layers vote that are trained; None stands for the head alone."""
        self.voters.fill_(False)
        for layer in layers:
            self.voters[self._number(layer)] = True

    def expect(self, layers: Iterable[int | None]) -> None:
        """Say whose votes make the vote complete: those of all layers that the schedule visits."""
        self.expected = {self._number(layer) for layer in layers}

    def _number(self, layer: int | None) -> int:
        return len(self.layers) - 1 if layer is None else layer

    @property
    def voter_numbers(self) -> list[int]:
        """The layers that vote, in order."""
        return torch.nonzero(self.voters).flatten().tolist()

    def _learners(self) -> list[nn.Module]:
        if self.active is not None:
            return [self.layers[self.active]]
        horizontals = [part for part in self.layers if isinstance(part, HorizontalLayer)]
        return [module for part in horizontals for module in (part.layer, part.map)] + [self.layers[-1]]

    @property
    def active_name(self) -> str:
        """Under which name the active layer's figures are found; the head's where all train end to end."""
        return self.names[self._active_number]

    @property
    def _active_number(self) -> int:
        return self._number(self.active)

    def _part(self, number: int) -> LocalModule:
        part = self.layers[number]
        assert isinstance(part, LocalModule)
        return part

    def _climb(self, inputs: Tensor, upto: int) -> Tensor:
        """Run the backbone's part of the first `upto` layers."""
        for layer in self.layers[:upto]:
            inputs = layer(inputs)
        return inputs

    # Training

    def training_step(self, batch: RowBatch | tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Let the active layer learn from one batch."""
        inputs, labels = self._enter(batch), batch[1]
        if self.active is None:
            losses, logits = self._end_to_end(inputs, labels)
        else:
            losses, logits = self._part(self.active).local_step(inputs, labels)
        self.meter.update(losses, logits, labels)
        return losses.total

    def _end_to_end(self, inputs: Tensor, labels: Tensor) -> LocalStep:
        return self._part(-1).local_step(self._climb(inputs[: len(labels)], len(self.layers) - 1), labels)

    def _enter(self, batch: RowBatch | tuple[Tensor, Tensor]) -> Tensor:
        """Give what the active layer reads: from the front, or by running the resting layers."""
        if isinstance(batch, RowBatch):
            assert self.front is not None, "row batches come with a front"
            return self.front[batch.rows]
        with torch.no_grad():
            return self._climb(as_inputs(batch[0]), self.active or 0)

    def on_train_epoch_end(self) -> None:
        """Write down what the active layer did in this epoch."""
        self._record({f"{self.active_name}/train/{name}": value for name, value in self.meter.summary().items()})

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Make the one optimizer of the run: a parameter group per layer, called by the layer's name."""
        optimizer = self._optimizer(named_groups(self.names, list(self.layers)))
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        return optimizer

    # Measuring

    def on_train_epoch_start(self) -> None:
        """Throw away the opinions that this epoch's training will make old."""
        self.ballots.reopen(self.active or 0)

    def on_validation_epoch_start(self) -> None:
        """Throw away what is about to be said again: by the active layer (row batches), or by all (image batches)."""
        self.ballots.reopen(0 if self.validation_front is None else self.active or 0)

    def validation_step(self, batch: RowBatch | tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Hear the active layer (row batches), or all layers up to it (image batches)."""
        if isinstance(batch, RowBatch):
            self.hear(self._active_number, batch)
        else:
            upto = self._active_number + 1 if self.trainer.state.fn == "fit" else len(self.layers)
            self._hear_all(batch, upto, self.ballots)

    def on_validation_epoch_end(self) -> None:
        """Write down the accuracies of the layers heard, and of their vote."""
        if not self.trainer.sanity_checking:
            figures = self._tally.count(self.ballots, self.voter_numbers, "val", self.expected)
            self.complete_vote = figures.get("vote/val/accuracy")
            self._record(figures)

    def on_test_epoch_start(self) -> None:
        """Begin with empty ballots."""
        self.test_ballots.reopen(0)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Hear all layers, in one pass."""
        self._hear_all(batch, len(self.layers), self.test_ballots)

    def on_test_epoch_end(self) -> None:
        """Write down every layer's accuracy, and the vote's."""
        self._record(self._tally.count(self.test_ballots, self.voter_numbers, "test"))

    def hear(self, layer: int, batch: RowBatch) -> None:
        """Take the opinion of the layer that the validation front stands before, and hand on what it passes on."""
        assert self.validation_front is not None, "row batches come with a front"
        inputs = self.validation_front[batch.rows]
        if self.active is None:
            logits = self._climb(inputs, len(self.layers))
        else:
            logits, outputs = self._part(layer).pass_on(inputs)
            self.validation_front.hand_on(batch.rows, outputs)
        self.ballots.cast(layer, logits, batch.labels.to(self.device))

    def _hear_all(self, batch: tuple[Tensor, Tensor], upto: int, ballots: Ballots) -> None:
        images, labels = batch
        for number, logits in enumerate(self._opinions(images, upto)):
            if self.voters[number]:
                ballots.cast(number, logits, labels)

    def _opinions(self, images: Tensor, upto: int) -> Iterator[Tensor]:
        """Give the logits of the first `upto` layers one after the other, from one forward pass."""
        inputs = as_inputs(images)
        for number in range(upto):
            logits, inputs = self._part(number).pass_on(inputs)
            yield logits

    def _record(self, figures: dict[str, Tensor]) -> None:
        """Make figures known to callbacks and loggers; in a fit at once, so that no checkpoint is ahead of them."""
        written = {name: float(value) for name, value in figures.items()}
        self.figures |= written
        fitting = self.trainer.state.fn == "fit"
        several = self.trainer.world_size > 1  # the metrics agree on all processes; Lightning cannot know that
        self.log_dict(figures, logger=False if fitting else None, sync_dist=several)
        for logger in self.loggers if fitting else []:
            logger.log_metrics(written, step=self.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the figures so far, and whose of them have been written down."""
        checkpoint["figures"], checkpoint["announced"] = dict(self.figures), sorted(self.ballots.announced)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the figures so far."""
        self.figures = dict(checkpoint["figures"])
        self.ballots.announced = set(checkpoint["announced"])
