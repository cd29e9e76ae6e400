"""Pictures of activations: what enters a layer (or the network) beside what the layer's sidecar rebuilds of it."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.utils import make_grid

from lwtrain.layer import HorizontalLayer

_SMALLEST = 32  # pixels that a picture has at least on each side, so that a map of 2 x 2 can be seen


class Rebuilt(NamedTuple):
    """What enters a layer, and what its sidecar makes of what leaves it; both (batch, channels, height, width).

    Beside a sidecar that rebuilds images, what enters the network.
    """

    inputs: Tensor
    reconstruction: Tensor

    def explained(self, usual: Tensor) -> float:
        """Give the share of the variance that the reconstruction has: 1 minus squared error over variance.

        Args:
            usual: What enters the layer for many images, whose variance it is: one image alone has none.
        """
        error = (self.reconstruction - self.inputs).square().mean()
        return 1 - float(error / usual.float().var(dim=0, correction=0).mean().clamp_min(1e-12))


@torch.no_grad()
def rebuild(part: HorizontalLayer, inputs: Tensor, images: Tensor) -> Rebuilt | None:
    """Let a layer's sidecar rebuild what it learns to rebuild; None if it has no decoder.

    Args:
        part: At rest.
        inputs: What the layer below passes on.
        images: What that was made of, as the network reads it.
    """
    if not part.sidecar.rebuilds:
        return None
    reconstruction = part.sidecar(part.features(inputs), num_labelled=0).reconstruction
    originals = images if part.sidecar.rebuilds_images else part.inlet(inputs)
    return None if reconstruction is None else Rebuilt(originals.float(), reconstruction.float())


class Pictured(NamedTuple):
    """A `Rebuilt` that can be looked at.

    Attributes:
        originals: (batch, 1 or 3, height, width) in [0, 1].
        reconstructions: The same, in the same colours.
        means: What the colours stand for.
    """

    originals: Tensor
    reconstructions: Tensor
    means: str


def pictured(rebuilt: Rebuilt, *, images: bool, usual: Tensor | None = None) -> Pictured:
    """Make pictures of activations and their reconstructions, so that equal numbers have equal colours.

    What has one or three channels is shown as it is. Of more channels the three directions in which usual inputs
    differ most (principal components over all their pixels) become red, green and blue; originals and reconstructions
    are projected on the same three. A layer without height and width has its units laid out in rows.

    Args:
        rebuilt: What to show.
        images: Whether these are images in [0, 1], which are shown as bright as they are; of anything else the
            originals' range is stretched.
        usual: What enters the layer for many images, (images, channels, height, width); by default the originals, which
            is enough where they are many.
    """
    originals, others = rebuilt
    count, channels, height, width = originals.shape
    means = ""
    if height == width == 1 and channels > 3:
        columns = math.ceil(math.sqrt(channels))
        rows = math.ceil(channels / columns)
        originals, others = (
            F.pad(each.flatten(start_dim=1), (0, rows * columns - channels)).view(count, 1, rows, columns)
            for each in rebuilt
        )
        means = f"{channels} units in rows of {columns}"
    elif channels not in (1, 3):
        originals, others, share = _principal(originals, others, originals if usual is None else usual.float())
        means = f"{originals.shape[1]} principal components of {channels} channels, {share:.0%} of their variance"
    if not images:
        low = originals.amin(dim=(0, 2, 3), keepdim=True)
        spread = (originals.amax(dim=(0, 2, 3), keepdim=True) - low).clamp_min(1e-12)
        originals, others = (originals - low) / spread, (others - low) / spread
    return Pictured(originals.clamp(0, 1), others.clamp(0, 1), means)


def _principal(originals: Tensor, others: Tensor, usual: Tensor) -> tuple[Tensor, Tensor, float]:
    """Project channels on the three directions (one, of two channels) in which usual pixels differ most."""
    channels = originals.shape[1]
    pixels = usual.movedim(1, -1).reshape(-1, channels)
    mean = pixels.mean(dim=0)
    _, strengths, directions = torch.linalg.svd(pixels - mean, full_matrices=False)
    number = min(3, len(directions)) if min(channels, len(directions)) >= 3 else 1
    chosen = directions[:number]
    chosen = chosen * chosen.gather(1, chosen.abs().argmax(dim=1, keepdim=True)).sign()  # else colours could turn over
    variance = strengths.square()
    share = float(variance[:number].sum() / variance.sum().clamp_min(1e-12))

    def project(activations: Tensor) -> Tensor:
        return ((activations.movedim(1, -1) - mean) @ chosen.T).movedim(-1, 1)

    return project(originals), project(others), share


def side_by_side(shown: Pictured) -> Tensor:
    """Lay originals out in a row and their reconstructions below: one picture (3, height, width) in [0, 1]."""
    pairs = torch.cat([shown.originals, shown.reconstructions])
    times = math.ceil(_SMALLEST / min(pairs.shape[-2:]))
    return make_grid(F.interpolate(pairs, scale_factor=times), nrow=len(shown.originals), pad_value=1.0)
