"""Gradient checkpointing: backpropagation that keeps less, and runs layers again in the backward pass."""

import math

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lwtrain.backbones.backbone import Backbone


class Checkpointed(nn.Sequential):
    """Keeps its input only, and computes what is in between again when gradients come."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Run the modules one after the other."""
        return checkpoint(super().forward, inputs, use_reentrant=False)


def checkpointed(backbone: Backbone, segments: int | None = None) -> Backbone:
    """Cut a network into checkpointed segments, each with the maps behind its layers.

    Args:
        backbone: The network.
        segments: How many; by default one for each layer.
    """
    pairs = list(zip(backbone.layers, backbone.maps, strict=True))
    length = -(-len(pairs) // (segments or len(pairs)))
    cuts = [pairs[start : start + length] for start in range(0, len(pairs), length)]
    layers: list[nn.Module] = [Checkpointed(*(part for pair in cut for part in pair)) for cut in cuts]
    maps: list[nn.Module] = [nn.Identity() for _ in layers]
    return Backbone(backbone.name, backbone.input_shape, backbone.num_classes, layers, maps, backbone.head)


def root_segments(num_layers: int) -> int:
    """How many segments keep least: as many as a segment has layers.

    Example:
        >>> root_segments(64)
        8
    """
    return math.isqrt(num_layers)
