"""Reconstruction and prediction in one loss, balanced by alpha."""

import torch
from torch import Tensor

from lwtrain.batch_rows import first_rows, split_rows
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.alpha import build_alpha
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.objectives.prediction import check_label_smoothing, prediction_alone, prediction_loss
from lwtrain.objectives.reconstruction import choose_reconstruction, reconstruction_loss
from lwtrain.objectives.weights import FORMULAS, Weights, weighty_reconstructions
from lwtrain.registry import choices_hint
from lwtrain.sidecars.sidecar import SidecarOutput


@OBJECTIVES.register(*FORMULAS)
class BalancedObjective(Objective):
    """The weighted sum of prediction and reconstruction losses, by one of the formulas in `lwtrain.objectives.weights`.

    Terms whose rows the batch has not got, or whose weight is 0, are left out of the sum and not computed: by_task with
    alpha 1 is the prediction loss alone, by_supervision with alpha 1 does not look at unlabelled rows. With a sidecar
    that rebuilds nothing there is nothing to balance: the total is the prediction loss, and a learned alpha gets no
    gradient.

    Args:
        name: "by_supervision", "by_task" or "by_task_labelled".
        depth: How many layers lie below; with 0 the layer's input is an image in [0, 1].
        alpha: A number above 0 and at most 1, or "learned".
        reconstruction: "mse", or "bce" (binary cross entropy), which needs a sigmoid decoder and targets in [0, 1]:
            it applies to the first layer, and the activations that the others rebuild are compared by "mse".
        label_smoothing: Share of the target that is spread evenly over all classes.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> objective = BalancedObjective("by_task", depth=0, alpha=0.25)
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
        depth: int,
        alpha: float | str = 0.5,
        reconstruction: str = "mse",
        label_smoothing: float = 0.0,
    ) -> None:
        if name not in FORMULAS:
            raise ValueError(f"objective={name}: {choices_hint(name, list(FORMULAS))}")
        super().__init__()
        self.formula = FORMULAS[name]
        self.alpha = build_alpha(alpha)
        weighty = weighty_reconstructions(name, alpha)
        self.rebuilds, self.rebuilds_unlabelled = any(weighty), weighty.unlabelled
        self.reconstruction = choose_reconstruction(reconstruction, depth)
        self.label_smoothing = check_label_smoothing(label_smoothing)

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:
        """The formula's sum over the terms that the batch has and that weigh anything."""
        num_rebuilt = len(inputs) if self.rebuilds_unlabelled else len(labels)
        if output.reconstruction is None or not self.rebuilds or not num_rebuilt:
            return prediction_alone(output, labels, self.label_smoothing)
        rebuilt, originals = first_rows(output.reconstruction, num_rebuilt), inputs[:num_rebuilt]
        labelled, unlabelled = (
            reconstruction_loss(rows, original, self.reconstruction)
            for rows, original in zip(split_rows(rebuilt, len(labels)), split_rows(originals, len(labels)), strict=True)
        )
        prediction = prediction_loss(output.logits, labels, self.label_smoothing)
        alpha, regulariser = self.alpha()
        total = weighted_sum(self.formula(alpha), (unlabelled, labelled, prediction)) + regulariser
        return Losses(total, prediction, labelled, unlabelled, alpha)


def weighted_sum(weights: Weights[Tensor], terms: tuple[Tensor | None, Tensor | None, Tensor | None]) -> Tensor:
    """Sum the terms (u, s, p) that took part, each times its weight.

    Example:
        >>> u, s, p, a = torch.tensor([1.0, 2.0, 3.0, 0.25])
        >>> by_supervision = FORMULAS["by_supervision"](a)
        >>> weighted_sum(by_supervision, (u, s, p)), weighted_sum(by_supervision, (None, s, p))
        (tensor(2.), tensor(1.2500))
    """
    products = [weight * term for weight, term in zip(weights, terms, strict=True) if term is not None]
    return torch.stack(products).sum()
