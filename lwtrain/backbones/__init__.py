"""The networks to train: ordered layers, the maps between them, and the head that closes them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lwtrain.registry import Registry

if TYPE_CHECKING:  # torch stays out until a backbone is built
    from lwtrain.backbones.backbone import Backbone

# A builder takes (name, input_shape: Shape, num_classes, *, map: str) and the settings of its own; `map` is one of
# `lwtrain.maps.MAPS`, to stand between its layers.
BACKBONES: Registry["Callable[..., Backbone]"] = Registry("model", "lwtrain.backbones")
