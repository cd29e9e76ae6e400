"""Max pooling that remembers no places where nobody will ask for them."""

import torch
from torch import Tensor, nn


class MaxPool2d(nn.MaxPool2d):
    """torch's `nn.MaxPool2d(2)`, quicker where no gradient is wanted.

    On a CPU, torch's own notes the place of every maximum in eight bytes, whether or not there will be a backward pass:
    four times what the maxima themselves take in half precision.

    Args:
        ceil_mode: Whether an odd row or column that is left over is pooled by itself, or left out.

    Example:
        >>> with torch.no_grad():
        ...     MaxPool2d()(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
        tensor([[[6.]]])
    """

    def __init__(self, ceil_mode: bool = False) -> None:
        super().__init__(2, ceil_mode=ceil_mode)

    def forward(self, input: Tensor) -> Tensor:
        """Halve height and width."""
        height, width = input.shape[-2:]
        wanted = torch.is_grad_enabled() and input.requires_grad
        if wanted or input.device.type != "cpu" or height % 2 or width % 2 or torch.compiler.is_compiling():
            return super().forward(input)
        rows = torch.maximum(input[..., ::2, :], input[..., 1::2, :])
        return torch.maximum(rows[..., ::2], rows[..., 1::2])
