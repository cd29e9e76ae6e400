"""Takes labelled and unlabelled rows of a batch apart, in such a way that the gradient keeps its layout.

The gradient of torch's own slicing and splitting is laid out channels first, whatever the batch was, and all that
stands before then turns images round element by element: on a CPU that took half of a light layer's step.
"""

from typing import Any

import torch
from torch import Tensor


def first_rows(batch: Tensor, count: int | None) -> Tensor:
    """Give the first `count` rows of a batch (all of them if None), as `batch[:count]` does.

    Example:
        >>> images = torch.zeros(4, 3, 8, 8).contiguous(memory_format=torch.channels_last).requires_grad_()
        >>> first_rows(images, 2).sum().backward()
        >>> images.grad.is_contiguous(memory_format=torch.channels_last), images.grad.sum(dim=(1, 2, 3))
        (True, tensor([192., 192.,   0.,   0.]))
    """
    return split_rows(batch, len(batch) if count is None else count)[0]


def split_rows(batch: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Give the first `count` rows of a batch, and the others."""
    if count >= len(batch):
        return batch, batch[:0].detach()
    if count == 0:
        return batch[:0].detach(), batch
    rows: tuple[Tensor, Tensor] = _Split.apply(batch, count)
    return rows


class _Split(torch.autograd.Function):
    """Two slices; where one has no gradient, zeros stand for it, in the other's layout."""

    @staticmethod
    def forward(ctx: Any, batch: Tensor, count: int) -> tuple[Tensor, Tensor]:
        ctx.counts = count, len(batch) - count
        ctx.set_materialize_grads(False)
        return batch[:count], batch[count:]

    @staticmethod
    def backward(ctx: Any, first: Tensor | None, others: Tensor | None) -> tuple[Tensor | None, None]:
        if first is None and others is None:
            return None, None
        if first is None:
            first = _zeros(others, ctx.counts[0])
        if others is None:
            others = _zeros(first, ctx.counts[1])
        return torch.cat([first, others]), None


def _zeros(like: Tensor | None, count: int) -> Tensor:
    assert like is not None
    images = like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if images else torch.contiguous_format
    zeros = torch.empty((count, *like.shape[1:]), dtype=like.dtype, device=like.device, memory_format=layout)
    return zeros.zero_()
