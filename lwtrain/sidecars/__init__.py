"""The small networks beside a layer that give it something to learn; dropped after training."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lwtrain.registry import Registry

if TYPE_CHECKING:  # torch stays out until a sidecar is built
    from lwtrain.sidecars.sidecar import Sidecar

# A builder takes (name, shape: LayerShape, num_classes, *, depth: int) and the settings of its own; `depth`
# is the number of layers below: with 0 the layer's input is an image in [0, 1]. One with `rebuilds_images = True` gets
# the network's images as the inputs of `shape`: what there is to rebuild.
SIDECARS: Registry["Callable[..., Sidecar]"] = Registry("encoder", "lwtrain.sidecars")
