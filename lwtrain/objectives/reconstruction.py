"""The reconstruction loss: how far a decoder's output is from the layer's input."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

RECONSTRUCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mse": F.mse_loss, "bce": F.binary_cross_entropy}


def reconstruction_loss(reconstruction: Tensor, inputs: Tensor, kind: str = "mse") -> Tensor | None:
    """Mean over all elements in float32; None if there are no rows.

    ``mse``: ``(x - y)**2``. ``bce``: ``-(x log y + (1 - x) log(1 - y))``, where both x and y are in [0, 1].

    Args:
        reconstruction: y, (rows, channels, height, width).
        inputs: x, of the same shape.
        kind: "mse" or "bce".

    Example:
        >>> import torch
        >>> reconstruction_loss(torch.full((1, 1, 2, 2), 0.5), torch.ones(1, 1, 2, 2))
        tensor(0.2500)
    """
    if len(inputs) == 0:
        return None
    return RECONSTRUCTIONS[kind](reconstruction.float(), inputs.float())
