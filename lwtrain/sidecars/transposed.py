"""Transposed convolutions that meet a size exactly: the way back through a layer that has made images smaller."""

import math
from itertools import count
from typing import NamedTuple

from torch import nn

from lwtrain.backbones.backbone import Shape


class Side(NamedTuple):
    """How a transposed convolution enlarges one side of an image."""

    kernel: int
    stride: int
    padding: int
    output_padding: int

    def enlarged(self, length: int) -> int:
        """Give the length that comes of another, as torch computes it."""
        return (length - 1) * self.stride - 2 * self.padding + self.kernel + self.output_padding


def transposed_convolution(inputs: Shape, outputs: Shape, kernel_size: int = 5) -> nn.ConvTranspose2d:
    """Make the counterpart of a strided convolution.

    Args:
        inputs: (channels, height, width) of what it reads.
        outputs: The same of what it gives; no smaller than the inputs.
        kernel_size: Larger where the stride is, so that no pixel is left out.

    Example:
        >>> transposed_convolution((32, 7, 7), (16, 14, 14))
        ConvTranspose2d(32, 16, kernel_size=(5, 5), stride=(2, 2), padding=(2, 2), output_padding=(1, 1))
        >>> transposed_convolution((32, 7, 7), (16, 13, 13)).output_padding
        (0, 0)
    """
    rows, columns = (fit(*lengths, kernel_size) for lengths in zip(inputs[1:], outputs[1:], strict=True))
    kernel, stride, padding, output_padding = zip(rows, columns, strict=True)
    return nn.ConvTranspose2d(inputs[0], outputs[0], kernel, stride, padding, output_padding)


def fit(length: int, wanted: int, kernel_size: int) -> Side:
    """Find how `length` pixels become `wanted`: by a stride that is the ratio, or else the next larger one that can.

    A layer that halves, rounding up or down, is met by stride 2. Where the ratio is no whole number, the border of what
    is read may be left out.
    """
    for stride in count(max(1, round(wanted / length))):
        kernel = max(kernel_size, stride)
        surplus = (length - 1) * stride + kernel - wanted
        if stride == 1 and surplus % 2:  # where an output padding cannot make up for it
            kernel, surplus = kernel + 1, surplus + 1
        padding = max(0, math.ceil(surplus / 2))
        side = Side(kernel, stride, padding, 2 * padding - surplus)
        if side.output_padding < stride:
            return side
    raise AssertionError("a large stride fits always")
