"""The colours that images of a data set have: what varies together in them, and how far."""

from typing import NamedTuple

import torch
from torch import Tensor

_NEAREST = 0.02  # to black or white that a pixel counts as; its logit would be infinite
_REACH = (
    4.0  # spreads from the mean; nearer, colourful images excite first layers more; beyond, all colours turn garish
)


class Palette(NamedTuple):
    """Turns free numbers into pixels in a data set's own colours.

    Channels of real images rise and fall together, so that brightness varies much and hue little. Numbers that know
    nothing of this give colours which no image has; so they move along the principal colours of the pixels' logits
    (decorrelated colours: Olah et al. 2017, doi:10.23915/distill.00007), and here no further than pixels do.

    Attributes:
        mean: (channels,) logit of a pixel.
        directions: (channels, channels) Its principal colours, one a column, as long as pixels reach along them.

    Example:
        >>> grey = torch.rand(10, 1, 8, 8).expand(-1, 3, -1, -1)
        >>> drawn = Palette.of(grey).pixels(torch.randn(2, 3, 4, 4))
        >>> drawn.shape, torch.allclose(drawn[:, 0], drawn[:, 2], atol=1e-3)
        (torch.Size([2, 3, 4, 4]), True)
    """

    mean: Tensor
    directions: Tensor

    @classmethod
    def of(cls, images: Tensor) -> "Palette":
        """Read the colours off images (batch, channels, height, width) in [0, 1]."""
        logits = images.float().movedim(1, -1).flatten(end_dim=2).clamp(_NEAREST, 1 - _NEAREST).logit()
        mean = logits.mean(dim=0)
        variances, directions = torch.linalg.eigh((logits - mean).T @ (logits - mean) / len(logits))
        return cls(mean, directions * _REACH * variances.clamp_min(0).sqrt())

    @classmethod
    def free(cls, channels: int) -> "Palette":
        """Allow any colour, around grey."""
        return cls(torch.zeros(channels), 4.0 * torch.eye(channels))  # sigmoid(4) is white to the eye

    def pixels(self, numbers: Tensor) -> Tensor:
        """Turn numbers (batch, channels, height, width) into images of the same shape, within [0, 1]."""
        longest = (
            self.directions.norm(dim=0).max().clamp_min(1e-6)
        )  # along it, numbers are logits, while they are small
        logits = torch.einsum("bchw,dc->bdhw", (numbers / longest).tanh(), self.directions)
        return (logits + self.mean[:, None, None]).sigmoid()
