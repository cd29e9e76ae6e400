"""Model 1 of the layer-wise training report: identical autoencoders one on the other."""

from collections import OrderedDict

from torch import nn

from lwtrain.activations import LeakyReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.convolution import SameConv2d
from lwtrain.maps import MAPS
from lwtrain.normalisation import BatchNorm2d

HEAD_GRID = 4  # the head sees the features averaged to so many positions per side, as the light sidecar does


@BACKBONES.register("stacked_autoencoder")
def stacked_autoencoder(
    name: str,
    input_shape: Shape,
    num_classes: int,
    *,
    depth: int = 4,
    channels: int = 64,
    map: str = "interpolation",
) -> Backbone:
    """Build a stack whose layers are all the same: each reads an image and makes features of its size.

    With its sidecar a layer is a supervised autoencoder of images (3 x 32 x 32, say). A map carries the features of
    its first convolution back to the image's shape, for the next autoencoder to read.

    A known flaw, and why the narrowing VGGs replaced it: everything a layer has learned has to pass through as few
    numbers as the image has, so the layers above learn from less and less. Accuracy falls with depth.

    Args:
        name: "stacked_autoencoder".
        input_shape: (channels, height, width) of the images, and of what enters every layer.
        num_classes: Number of logits.
        depth: How many layers.
        channels: Features of each.
        map: "interpolation" or "random"; or "conv" or "decoder", which train with the layer above. See `lwtrain.maps`.

    Raises:
        ValueError: If a setting is below 1.

    Example:
        >>> backbone = stacked_autoencoder("stacked_autoencoder", (3, 32, 32), num_classes=10, depth=3, map="random")
        >>> {shape.inputs for shape in backbone.shapes()}, backbone.maps[1]
        ({(3, 32, 32)}, RandomMap(3072 places))
    """
    if depth < 1:
        raise ValueError(f"model.depth={depth}: choose 1 or more")
    if channels < 1:
        raise ValueError(f"model.channels={channels}: choose 1 or more")
    features = (channels, *input_shape[1:])
    layers: list[nn.Module] = [
        nn.Sequential(SameConv2d(input_shape[0], channels), BatchNorm2d(channels), LeakyReLU()) for _ in range(depth)
    ]
    maps = [*(MAPS[map](features, input_shape) for _ in range(depth - 1)), nn.Identity()]
    grid = min(HEAD_GRID, *input_shape[1:])
    head: OrderedDict[str, nn.Module] = OrderedDict(
        pool=nn.AdaptiveAvgPool2d(grid),
        flatten=nn.Flatten(),
        classes=nn.Linear(channels * grid**2, num_classes),
    )
    return Backbone(name, input_shape, num_classes, layers, maps, nn.Sequential(head))
