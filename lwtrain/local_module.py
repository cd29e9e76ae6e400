"""A part of the network with a loss of its own. Usable alone, under any Trainer."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics.functional.classification import multiclass_accuracy

from lwtrain.data.view import as_inputs
from lwtrain.objectives.objective import Losses


class LocalStep(NamedTuple):
    """What one batch gives a local problem.

    Attributes:
        losses: With gradient.
        logits: Of the labelled rows.
        outputs: What the next part reads, without gradient; None unless it was asked for.
    """

    losses: Losses
    logits: Tensor
    outputs: Tensor | None = None


class LocalModule(pl.LightningModule):
    """A part of the network with a loss of its own.

    A batch is `(inputs, labels)`: the first `len(labels)` inputs are labelled, the others are not.

    Args:
        num_classes: How many classes there are.
        lr: Learning rate of Adam when trained alone.
        inlet: A map that trains with this part, and stands before it; nothing by default.

    Attributes:
        reads_images: Whether the losses compare with the images that entered the network.
        compares_rows: Whether the losses compare rows of the batch; see `lwtrain.objectives.objective.Objective`.
    """

    reads_images: bool = False
    compares_rows: bool = False

    def __init__(self, num_classes: int, lr: float, inlet: nn.Module | None = None) -> None:
        super().__init__()
        self.num_classes, self.lr = num_classes, lr
        self.inlet = inlet or nn.Identity()

    @abstractmethod
    def local_step(
        self, inputs: Tensor, labels: Tensor, carry: bool = False, images: Tensor | None = None
    ) -> LocalStep:
        """Compute the losses of one batch, with gradient.

        Args:
            inputs: What enters this part.
            labels: Of the first rows: class numbers, or, of blended rows, (labelled rows, classes) shares.
            carry: Whether what the next part reads is wanted, too.
            images: What entered the network, where `reads_images` asks for it; by default the inputs.
        """

    @abstractmethod
    def classify(self, inputs: Tensor) -> Tensor:
        """Give this part's own opinion: logits, (batch, num_classes)."""

    def idle_parameters(self) -> Iterator[nn.Parameter]:
        """Give the parameters that get no gradient."""
        return iter(())

    @abstractmethod
    def pass_on(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Give this part's logits and what the next one reads, from one forward pass."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Train alone, on batches of (inputs, labels)."""
        inputs, labels = batch
        losses, logits, _ = self.local_step(as_inputs(inputs), labels)
        self.log("train/loss", losses.total, prog_bar=True)
        self.log("train/accuracy", multiclass_accuracy(logits, labels, self.num_classes, average="micro"))
        return losses.total

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Measure alone, on batches of (inputs, labels)."""
        inputs, labels = batch
        logits = self.classify(as_inputs(inputs))
        self.log("val/accuracy", multiclass_accuracy(logits, labels, self.num_classes, average="micro"), prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam, for training alone; within a stack, the stack's optimizer is used instead."""
        return torch.optim.Adam(self.parameters(), lr=self.lr)
