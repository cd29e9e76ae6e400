"""The prediction loss: cross entropy on the labelled rows."""

import torch.nn.functional as F
from torch import Tensor

from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.sidecars.sidecar import SidecarOutput


def prediction_loss(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor | None:
    """Cross entropy of the rows that have a label, in float32; None if none has.

    Args:
        logits: (rows, classes); rows beyond the labels are left out.
        labels: (labelled rows,) class numbers, or (labelled rows, classes): how much of each class is in a row.
        label_smoothing: Share e of the target that is spread evenly over all classes, the true one included.

    Example:
        >>> import torch
        >>> prediction_loss(torch.tensor([[0.0, 0.0], [9.0, 0.0]]), torch.tensor([1]))  # log 2
        tensor(0.6931)
    """
    if len(labels) == 0:
        return None
    return F.cross_entropy(logits[: len(labels)].float(), labels, label_smoothing=label_smoothing)


def prediction_alone(output: SidecarOutput, labels: Tensor, label_smoothing: float = 0.0) -> Losses:
    """The losses where prediction is all there is; without a label the total is a zero with gradients of zero."""
    prediction = prediction_loss(output.logits, labels, label_smoothing)
    return Losses(output.logits[:0].float().sum() if prediction is None else prediction, prediction)


class PredictionObjective(Objective):
    """The prediction loss alone: unlabelled rows and reconstructions are not looked at.

    Args:
        label_smoothing: Share of the target that is spread evenly over all classes.

    Raises:
        ValueError: If `label_smoothing` is out of range.
    """

    rebuilds = rebuilds_unlabelled = False

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = check_label_smoothing(label_smoothing)

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:  # noqa: ARG002
        """The prediction loss as the total."""
        return prediction_alone(output, labels, self.label_smoothing)


def check_label_smoothing(label_smoothing: float) -> float:
    """Return `label_smoothing` if it is 0 or more and less than 1."""
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"objective.label_smoothing={label_smoothing}: choose 0 or more and less than 1")
    return label_smoothing


@OBJECTIVES.register("prediction")
def prediction(name: str, *, depth: int, label_smoothing: float = 0.0) -> PredictionObjective:  # noqa: ARG001
    """Build a `PredictionObjective`; it is the same for all layers."""
    return PredictionObjective(label_smoothing=label_smoothing)
