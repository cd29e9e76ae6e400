"""What batch norm and activations share to get by with little memory.

The widest layer of a network decides how much memory its training takes when one layer's graph lives at a time. There,
five tensors of the layer's output are alive at once in plain torch: before and after batch norm, the gradient behind
the activation, before it, and before batch norm. Two of them will do: what batch norm reads, and one gradient, written
over step by step.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_LARGE = 32 * 2**20  # bytes; below, torch's own kernels are the quicker ones and the saving is small
_ELEMENTS_IN_CACHE = 2**17


class Affine(NamedTuple):
    """Says of a tensor that it is ``inputs * scale + shift``, channel by channel, before something was written over."""

    inputs: Tensor  # (batch, channels, height, width)
    scale: Tensor  # (channels, 1, 1) in float32
    shift: Tensor

    def part(self, rows: slice) -> Tensor:
        """Compute some rows of it, in float32."""
        return torch.addcmul(self.shift, self.inputs[rows].float(), self.scale)


def is_large(images: Tensor) -> bool:
    """Whether memory counts for more than time: images in half precision on a CPU, many of them."""
    half = images.dtype in (torch.bfloat16, torch.float16)
    return half and images.device.type == "cpu" and images.ndim == 4 and images.nbytes > _LARGE


def in_cache(images: Tensor, elements: int = _ELEMENTS_IN_CACHE) -> Iterator[slice]:
    """Give rows of so many elements that stay in cache while several steps are made; all at once on an accelerator."""
    rows = len(images)
    if images.device.type == "cpu":
        rows = max(1, elements // max(1, images[0].numel()))
    for start in range(0, len(images), rows):
        yield slice(start, start + rows)


def unshared(gradient: Tensor) -> Tensor:
    """Mark a gradient, new and in nobody else's hands, as one that may be written over.

    Only who makes a gradient knows: a sum, for one, hands the same gradient to all its terms.
    """
    gradient.unshared = True  # type: ignore[attr-defined]  # torch keeps what Python adds to a tensor
    return gradient


def may_be_written_over(gradient: Tensor) -> bool:
    """Whether its maker has marked it."""
    return getattr(gradient, "unshared", False)


def mark_affine(outputs: Tensor, affine: Affine) -> Tensor:
    """Let whoever reads a tensor next know what it was computed from."""
    outputs.affine = affine  # type: ignore[attr-defined]  # as above
    return outputs


def affine_of(outputs: Tensor) -> Affine | None:
    """Give what a tensor was computed from, once: to have it is to keep it in memory."""
    affine: Affine | None = vars(outputs).pop("affine", None)
    return affine
