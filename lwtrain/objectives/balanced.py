"""Reconstruction and prediction in one loss, balanced by alpha."""

from torch import Tensor

from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.alpha import build_alpha
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.objectives.prediction import check_label_smoothing, prediction_alone, prediction_loss
from lwtrain.objectives.reconstruction import RECONSTRUCTIONS, reconstruction_loss
from lwtrain.objectives.weights import FORMULAS, weighted_sum
from lwtrain.registry import choices_hint
from lwtrain.sidecars.sidecar import SidecarOutput


@OBJECTIVES.register(*FORMULAS)
class BalancedObjective(Objective):
    """The weighted sum of prediction and reconstruction losses, by one of the formulas in `lwtrain.objectives.weights`.

    Terms whose rows the batch has not got are left out of the sum. With a sidecar that rebuilds nothing there is
    nothing to balance: the total is the prediction loss, and a learned alpha gets no gradient.

    Args:
        name: "by_supervision", "by_task" or "by_task_labelled".
        first: Whether the layer's input is an image in [0, 1].
        alpha: A number between 0 and 1, or "learned".
        reconstruction: "mse", or "bce" (binary cross entropy), which needs a sigmoid decoder and targets in [0, 1]:
            it applies to the first layer, and the activations that the others rebuild are compared by "mse".
        label_smoothing: Share of the target that is spread evenly over all classes.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> objective = BalancedObjective("by_task", first=True, alpha=0.25)
        >>> images = torch.ones(3, 1, 2, 2)  # one labelled, two unlabelled
        >>> output = SidecarOutput(logits=torch.zeros(1, 2), reconstruction=torch.full_like(images, 0.5))
        >>> losses = objective(output, images, labels=torch.tensor([0]))
        >>> round(losses.total.item(), 4)  # 0.75 * (0.25 + 0.25) + 0.25 * log 2
        0.5483
    """

    def __init__(
        self,
        name: str,
        *,
        first: bool,
        alpha: float | str = 0.5,
        reconstruction: str = "mse",
        label_smoothing: float = 0.0,
    ) -> None:
        if name not in FORMULAS:
            raise ValueError(f"objective={name}: {choices_hint(name, list(FORMULAS))}")
        if reconstruction not in RECONSTRUCTIONS:
            hint = choices_hint(reconstruction, list(RECONSTRUCTIONS))
            raise ValueError(f"objective.reconstruction={reconstruction}: {hint}")
        super().__init__()
        self.formula = FORMULAS[name]
        self.alpha = build_alpha(alpha)
        self.reconstruction = reconstruction if first else "mse"
        self.label_smoothing = check_label_smoothing(label_smoothing)

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:
        """The formula's sum over the terms that the batch has."""
        if output.reconstruction is None:
            return prediction_alone(output, labels, self.label_smoothing)
        cut = [len(labels), len(inputs) - len(labels)]
        labelled, unlabelled = (
            reconstruction_loss(rebuilt, original, self.reconstruction)
            for rebuilt, original in zip(output.reconstruction.split(cut), inputs.split(cut), strict=True)
        )
        prediction = prediction_loss(output.logits, labels, self.label_smoothing)
        alpha, regulariser = self.alpha()
        total = weighted_sum(self.formula(alpha), (unlabelled, labelled, prediction)) + regulariser
        return Losses(total, prediction, labelled, unlabelled, alpha)
