"""The networks to train: ordered layers, the maps between them, and the head that closes them."""

from typing import TYPE_CHECKING, Protocol

from lwtrain.registry import Registry

if TYPE_CHECKING:  # torch stays out until a backbone is built
    from lwtrain.backbones.backbone import Backbone, Shape


class BackboneBuilder(Protocol):
    """What a registered builder can be called with."""

    def __call__(
        self,
        name: str,
        input_shape: "Shape",
        num_classes: int,
        *,
        width: float = 1.0,
        layer_depth: int = 1,
        map: str = "pool",
    ) -> "Backbone":
        """Build the backbone called `name`; `lwtrain.backbones.vgg.vgg` says what the settings mean."""


BACKBONES: Registry[BackboneBuilder] = Registry("model", "lwtrain.backbones")
