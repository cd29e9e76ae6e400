"""Activations that need no memory of their own: forward and backward write where they read.

torch's `nn.ReLU(inplace=True)` saves memory in the forward pass only. Where the gradient that comes in was made for the
activation alone, its place can take the one that goes out. Only who makes a gradient knows that, and says so by
`unshared`: a sum, for one, hands the same gradient to all its terms.
"""

from typing import Any

import torch
from torch import Tensor, nn


def unshared(gradient: Tensor) -> Tensor:
    """Mark a gradient, new and at nobody else's hands, as one that may be written over."""
    gradient.unshared = True  # type: ignore[attr-defined]  # torch keeps what Python adds to a tensor
    return gradient


class ReLU(nn.ReLU):
    """torch's `nn.ReLU(inplace=True)`, in place in the backward pass, too.

    Example:
        >>> images = torch.tensor([-1.0, 2.0], requires_grad=True)
        >>> ReLU()(images * 1).sum().backward()
        >>> images.grad
        tensor([0., 1.])
    """

    def __init__(self) -> None:
        super().__init__(inplace=True)

    def forward(self, input: Tensor) -> Tensor:
        """Write max(0, x) over x."""
        return _activate(super().forward, input, 0.0)


class LeakyReLU(nn.LeakyReLU):
    """torch's `nn.LeakyReLU(inplace=True)`, in place in the backward pass, too."""

    def __init__(self) -> None:
        super().__init__(inplace=True)

    def forward(self, input: Tensor) -> Tensor:
        """Write x, or 0.01 x where x is negative, over x."""
        return _activate(super().forward, input, self.negative_slope)


def _activate(plain: Any, input: Tensor, slope: float) -> Tensor:
    if not (torch.is_grad_enabled() and input.requires_grad) or torch.compiler.is_compiling():
        return plain(input)
    return _Activate.apply(input, slope)


class _Activate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, slope: float) -> Tensor:
        ctx.mark_dirty(inputs)
        torch.nn.functional.leaky_relu_(inputs, slope) if slope else inputs.relu_()
        ctx.save_for_backward(inputs)
        ctx.slope = slope
        return inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (outputs,) = ctx.saved_tensors  # as positive as the inputs were
        into = gradient if getattr(gradient, "unshared", False) else torch.empty_like(outputs)
        if ctx.slope:
            torch.ops.aten.leaky_relu_backward.grad_input(gradient, outputs, ctx.slope, True, grad_input=into)
        else:
            torch.ops.aten.threshold_backward.grad_input(gradient, outputs, 0, grad_input=into)
        return unshared(into), None
