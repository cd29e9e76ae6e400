"""What carries a layer's output to the next layer, by name."""

from typing import TYPE_CHECKING, Protocol

from lwtrain.registry import Registry

if TYPE_CHECKING:  # torch stays out until a map is built
    from torch import nn

    from lwtrain.backbones.backbone import Shape


class MapBuilder(Protocol):
    """What a registered builder can be called with."""

    def __call__(self, inputs: "Shape", outputs: "Shape") -> "nn.Module":
        """Build a map from one shape, (channels, height, width), to another.

        Raises:
            ValueError: If this map cannot get from one to the other.
        """


MAPS: Registry[MapBuilder] = Registry("map", "lwtrain.maps")
