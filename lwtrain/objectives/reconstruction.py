"""The reconstruction loss, how far a decoder's output is from the layer's input; and learning from nothing else."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from lwtrain.batch_rows import split_rows
from lwtrain.in_place import in_cache, unshared
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.objectives.prediction import check_label_smoothing, prediction_alone
from lwtrain.registry import choices_hint
from lwtrain.sidecars.sidecar import SidecarOutput

_ELEMENTS_IN_CACHE = 2**18


def mean_squared_error(reconstruction: Tensor, inputs: Tensor) -> Tensor:
    """Give ``mean((x - y)**2)`` in float32.

    Two tensors in half precision are not copied to float32 as a whole: their difference is rounded to their own
    precision, as its gradient would be, and squared and summed in float32 a part at a time. That took the whole step
    of a layer of 64 channels of 32 x 32 pixels with a type C sidecar, batch 128, from 131 to 109 ms (2 cores with AMX,
    torch 2.13).

    Example:
        >>> mean_squared_error(torch.full((4, 8), 0.5).bfloat16(), torch.ones(4, 8).bfloat16())
        tensor(0.2500)
    """
    if reconstruction.dtype == inputs.dtype and reconstruction.dtype in (torch.bfloat16, torch.float16):
        error: Tensor = _MeanSquare.apply(reconstruction, inputs)
        return error
    return F.mse_loss(reconstruction.float(), inputs.float())


class _MeanSquare(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, reconstruction: Tensor, inputs: Tensor) -> Tensor:
        difference = reconstruction - inputs
        ctx.save_for_backward(difference)
        squares = [difference[rows].float().square_().sum() for rows in in_cache(difference, _ELEMENTS_IN_CACHE)]
        return torch.stack(squares).sum() / difference.numel()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (difference,) = ctx.saved_tensors
        return unshared(difference * (gradient * (2 / difference.numel()))), None


def binary_cross_entropy(reconstruction: Tensor, inputs: Tensor) -> Tensor:
    """Give ``-mean(x log y + (1 - x) log(1 - y))`` in float32, where both x and y are in [0, 1]."""
    return F.binary_cross_entropy(reconstruction.float(), inputs.float())


RECONSTRUCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mean_squared_error,
    "bce": binary_cross_entropy,
}


def reconstruction_loss(reconstruction: Tensor, inputs: Tensor, kind: str = "mse") -> Tensor | None:
    """Mean over all elements in float32; None if there are no rows.

    Args:
        reconstruction: y, (rows, channels, height, width).
        inputs: x, of the same shape.
        kind: "mse" or "bce": see `mean_squared_error` and `binary_cross_entropy`.

    Example:
        >>> reconstruction_loss(torch.full((1, 1, 2, 2), 0.5), torch.ones(1, 1, 2, 2))
        tensor(0.2500)
    """
    return RECONSTRUCTIONS[kind](reconstruction, inputs) if len(inputs) else None


class RebuiltRows(NamedTuple):
    """The reconstruction loss of labelled and of unlabelled rows, None where there are none, and the mean over all."""

    labelled: Tensor | None
    unlabelled: Tensor | None
    mean: Tensor


def rebuilt_rows(reconstruction: Tensor, inputs: Tensor, num_labelled: int, kind: str) -> RebuiltRows:
    """Measure labelled and unlabelled rows apart, and all of them together.

    Args:
        reconstruction: (rows, channels, height, width); at least one row.
        inputs: What is rebuilt, of the same shape.
        num_labelled: How many of the first rows are labelled.
        kind: As of `reconstruction_loss`.

    Example:
        >>> rebuilt_rows(torch.zeros(3, 1), torch.tensor([[3.0], [0.0], [0.0]]), num_labelled=1, kind="mse")
        RebuiltRows(labelled=tensor(9.), unlabelled=tensor(0.), mean=tensor(3.))
    """
    labelled, unlabelled = (
        reconstruction_loss(rows, originals, kind)
        for rows, originals in zip(
            split_rows(reconstruction, num_labelled), split_rows(inputs, num_labelled), strict=True
        )
    )
    shares = ((labelled, num_labelled / len(inputs)), (unlabelled, 1 - num_labelled / len(inputs)))
    mean = torch.stack([term * share for term, share in shares if term is not None]).sum()
    return RebuiltRows(labelled, unlabelled, mean)


@OBJECTIVES.register("reconstruction")
class ReconstructionObjective(Objective):
    """The reconstruction loss alone teaches the layer, from labelled and unlabelled rows alike.

    The cross entropy of the labelled rows is added as a probe: it says what can be read off the features, and teaches
    the classifier that reads it and nothing else.

    Args:
        name: "reconstruction".
        depth: How many layers lie below; with 0 the layer's input is an image in [0, 1].
        reconstruction: "mse", or "bce" for the first layer, and "mse" for the others.
        label_smoothing: Of the probe, as in `lwtrain.objectives.prediction`.

    Raises:
        ValueError: If a setting is out of range, or a sidecar rebuilds nothing.

    Example:
        >>> objective = ReconstructionObjective("reconstruction", depth=0)
        >>> images = torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1, 1)  # one labelled, two unlabelled
        >>> output = SidecarOutput(logits=torch.zeros(1, 2), reconstruction=torch.zeros_like(images))
        >>> losses = objective(output, images, labels=torch.tensor([0]))
        >>> losses.total - losses.prediction  # the mean over all three
        tensor(0.3333)
    """

    probes = True

    def __init__(
        self,
        name: str,  # noqa: ARG002
        *,
        depth: int,
        reconstruction: str = "mse",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.reconstruction = choose_reconstruction(reconstruction, depth)
        self.label_smoothing = check_label_smoothing(label_smoothing)

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:
        """The mean over all rows and the probe's cross entropy as the total."""
        if output.reconstruction is None:
            raise ValueError("objective=reconstruction: needs a sidecar with a decoder, such as encoder=mirror")
        rebuilt = rebuilt_rows(output.reconstruction, inputs, len(labels), self.reconstruction)
        probe = prediction_alone(output, labels, self.label_smoothing)
        return Losses(rebuilt.mean + probe.total, probe.prediction, rebuilt.labelled, rebuilt.unlabelled)


def choose_reconstruction(reconstruction: str, depth: int) -> str:
    """Resolve what the layer at `depth` is compared by: "bce" is for images.

    Raises:
        ValueError: If there is no such reconstruction loss.
    """
    if reconstruction not in RECONSTRUCTIONS:
        raise ValueError(
            f"objective.reconstruction={reconstruction}: {choices_hint(reconstruction, [*RECONSTRUCTIONS])}"
        )
    return reconstruction if depth == 0 else "mse"
