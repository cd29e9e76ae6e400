"""Activations that need no memory of their own: forward and backward write where they read.

torch's `nn.ReLU(inplace=True)` saves memory in the forward pass only. Where the gradient that comes in was made for the
activation alone, its place can take the one that goes out. Where a large batch norm stands before it, the sign that
the gradient depends on is computed again from what that has kept.
"""

from typing import Any

import torch
from torch import Tensor, nn

from lwtrain.in_place import Affine, affine_of, in_cache, may_be_written_over, unshared


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
    if torch.compiler.is_compiling() or not (torch.is_grad_enabled() and input.requires_grad):
        return plain(input)
    return _Activate.apply(input, slope, affine_of(input))


class _Activate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, slope: float, affine: Affine | None) -> Tensor:
        ctx.mark_dirty(inputs)
        torch.nn.functional.leaky_relu_(inputs, slope) if slope else inputs.relu_()
        ctx.slope = slope
        if affine is None:
            ctx.save_for_backward(inputs)
        else:
            ctx.save_for_backward(*affine)
        return inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        saved = ctx.saved_tensors  # asked for once: checkpointing computes them anew each time
        into = gradient if may_be_written_over(gradient) else torch.empty_like(saved[0])
        if len(saved) == 1:
            _through(gradient, saved[0], ctx.slope, into)
        else:
            affine = Affine(*saved)
            for rows in in_cache(gradient):
                _through(gradient[rows], affine.part(rows).to(gradient.dtype), ctx.slope, into[rows])
        return unshared(into), None, None


def _through(gradient: Tensor, activated: Tensor, slope: float, into: Tensor) -> None:
    """Send a gradient back through the activation; `activated` is as positive as what was activated."""
    if slope:
        torch.ops.aten.leaky_relu_backward.grad_input(gradient, activated, slope, True, grad_input=into)
    else:
        torch.ops.aten.threshold_backward.grad_input(gradient, activated, 0, grad_input=into)
