"""Dropout of whole channels."""

import torch.nn.functional as F
from torch import Tensor, nn


class ChannelDropout(nn.Dropout2d):
    """`nn.Dropout2d`, bit for bit, in a form that torch.compile gets right.

    What torch 2.13 generates for `nn.Dropout2d` on a CPU multiplies images of one pixel by memory that was never
    written: behind batch norm and an activation, the result is NaN.

    Example:
        >>> import torch
        >>> ChannelDropout(0.5)(torch.ones(2, 64, 4, 4)).unique()
        tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Drop channels of (batch, channels, height, width), each with probability p, and scale the others up."""
        if not self.training or not self.p:
            return input
        return input * F.dropout(input.new_ones(*input.shape[:2], 1, 1), self.p)
