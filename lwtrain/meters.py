"""What is measured while a layer trains: the means of its losses over an epoch, and its accuracy."""

from typing import Any

from torch import Tensor, nn
from torchmetrics import MeanMetric
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.metric import jit_distributed_available

from lwtrain.objectives.objective import Losses


class TrainingMeter(nn.Module):
    """Gathers an epoch's losses and accuracy over all batches, and over all processes."""

    accuracy: MulticlassAccuracy
    running_accuracy: MulticlassAccuracy

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.means = nn.ModuleDict({term: MeanMetric(nan_strategy="disable") for term in Losses._fields})
        self.accuracy = accuracy(num_classes)
        # For a look in mid-epoch, by one process alone: it must not wait for the others.
        self.running_accuracy = accuracy(num_classes, sync_on_compute=False)

    def _mean(self, term: str) -> MeanMetric:
        mean = self.means[term]
        assert isinstance(mean, MeanMetric)
        return mean

    def update(self, losses: Losses, logits: Tensor, labels: Tensor) -> None:
        """Add one batch; terms that are absent are left out."""
        for term, value in losses._asdict().items():
            if value is not None:
                # Once for each labelled row: torchmetrics 1.9 drops `weight` where its check for NaN is disabled.
                self._mean(term).update(value.detach().expand(len(labels)))
        for metric in (self.accuracy, self.running_accuracy):
            metric.update(logits.detach().float(), labels)

    def count_all(self, *, together: bool) -> None:
        """Say whether the epoch's figures are those of all processes together, or of this one alone."""
        for metric in (self.accuracy, *map(self._mean, self.means)):
            metric.distributed_available_fn = jit_distributed_available if together else _never

    def summary(self) -> dict[str, Tensor]:
        """Give the epoch's figures by name (`loss`, `accuracy`, and every term that was there), and start anew."""
        figures = {"accuracy": self.accuracy.compute()}
        for term in Losses._fields:
            mean = self._mean(term)
            if mean.update_called:
                figures["loss" if term == "total" else term] = mean.compute()
            mean.reset()
        self.accuracy.reset()
        self.running_accuracy.reset()
        return figures


def _never() -> bool:
    return False


def accuracy(num_classes: int, **settings: Any) -> MulticlassAccuracy:
    """Make the accuracy used everywhere: the share of images whose most probable class is the true one."""
    return MulticlassAccuracy(num_classes, average="micro", validate_args=False, **settings)
