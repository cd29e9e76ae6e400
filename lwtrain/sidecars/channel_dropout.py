"""LeakyReLU with dropout of whole channels behind it, in one go."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lwtrain.in_place import in_cache, may_be_written_over, unshared

_SLOPE = 0.01  # torch's own


class DroppingLeakyReLU(nn.Module):
    """`nn.Sequential(nn.LeakyReLU(), nn.Dropout2d(p))`, bit for bit, written over its input.

    Channels are dropped while what was activated is still in cache, and one tensor is kept for backward instead of two.
    It is also right where torch.compile is wrong: what torch 2.13 generates for `nn.Dropout2d` on a CPU multiplies
    images of one pixel by memory that was never written; behind batch norm and an activation, the result is NaN.

    Args:
        p: Probability of dropping a channel of an image.

    Example:
        >>> DroppingLeakyReLU(0.5)(torch.ones(2, 64, 4, 4)).unique()
        tensor([0., 2.])
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        """Activate (batch, channels, height, width), drop channels, each with probability p, and scale the others."""
        if not self.training or not self.p:
            return F.leaky_relu_(input, _SLOPE)
        factors = F.dropout(input.new_ones(*input.shape[:2], 1, 1), self.p)
        if torch.compiler.is_compiling() or not input.requires_grad:
            return F.leaky_relu(input, _SLOPE) * factors
        left: Tensor = _DropActivated.apply(input, factors)
        return left

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"


class _DropActivated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, factors: Tensor) -> Tensor:
        ctx.mark_dirty(inputs)
        for rows in in_cache(inputs):
            F.leaky_relu_(inputs[rows], _SLOPE).mul_(factors[rows])
        ctx.save_for_backward(inputs, factors)
        return inputs

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        # Where a channel was dropped its sign is lost, and its gradient is zero whatever the sign was.
        outputs, factors = ctx.saved_tensors
        into = gradient if may_be_written_over(gradient) else torch.empty_like(outputs)
        for rows in in_cache(gradient):
            part = torch.mul(gradient[rows], factors[rows], out=into[rows])
            torch.ops.aten.leaky_relu_backward.grad_input(part, outputs[rows], _SLOPE, True, grad_input=part)
        return unshared(into), None
