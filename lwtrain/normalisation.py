"""Batch norm that, where images are many, writes its gradient over the one that comes in."""

from typing import Any

import torch
from torch import Tensor, nn

from lwtrain.in_place import Affine, in_cache, is_large, mark_affine, may_be_written_over, unshared


class BatchNorm2d(nn.BatchNorm2d):
    """torch's `nn.BatchNorm2d`; of large images it keeps its input only, and the activation behind it nothing.

    The gradient differs from torch's by the rounding of half precision, nothing else does.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (batch, channels, height, width)."""
        plain = not self.training or not self.affine or not self.track_running_stats or self.momentum is None
        if plain or not is_large(input) or not torch.is_grad_enabled() or torch.compiler.is_compiling():
            return super().forward(input)
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        moving = self.running_mean, self.running_var, self.momentum, self.eps
        normalised, mean, inverse = _Normalise.apply(input, self.weight, self.bias, *moving)
        with torch.no_grad():
            scale = inverse * self.weight
            shift = self.bias - mean * scale
            affine = Affine(input.detach(), scale[:, None, None], shift[:, None, None])
        return mark_affine(normalised, affine)


class _Normalise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        normalised, mean, inverse = torch.native_batch_norm(
            inputs, weight, bias, running_mean, running_var, True, momentum, eps
        )
        ctx.save_for_backward(inputs, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, inverse)
        ctx.eps = eps
        return normalised, mean, inverse

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        inputs, weight, mean, inverse = ctx.saved_tensors
        in_place = may_be_written_over(gradient) and ctx.needs_input_grad[0]
        for_inputs, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, inputs, weight, None, None, mean, inverse, True, ctx.eps,
            [ctx.needs_input_grad[0] and not in_place, True, True],
        )  # fmt: skip
        if in_place:
            for_inputs = _write_over(gradient, inputs, weight, mean, inverse, for_weight, for_bias)
        return for_inputs, for_weight, for_bias, None, None, None, None


def _write_over(
    gradient: Tensor,
    inputs: Tensor,
    weight: Tensor,
    mean: Tensor,
    inverse: Tensor,
    for_weight: Tensor,
    for_bias: Tensor,
) -> Tensor:
    """Compute ``(g - mean(g) - x' mean(g x')) weight / sigma`` (x' = normalised inputs) in float32, part by part."""
    count = gradient.numel() // len(weight)
    scale = weight * inverse
    slope = -scale * inverse * for_weight / count
    level = -scale * for_bias / count - slope * mean
    scale, slope, level = (constant[:, None, None] for constant in (scale, slope, level))
    for rows in in_cache(gradient):
        part = torch.addcmul(level, inputs[rows].float(), slope)
        gradient[rows] = part.addcmul_(gradient[rows].float(), scale)
    return unshared(gradient)
