"""What the small convolutional networks look like, as data: settings can be checked before torch is imported."""

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class CNNLayer:
    """One layer of a small convolutional network."""

    kind: Literal["conv", "skip", "block"]  # a block is a convolution without bias, batch norm and a skip connection
    channels: int
    kernel_size: int = 3
    repeats: int = 1  # with one set of weights
    pools_after: bool = False


def plan_layers(
    channels: int, *, skip: bool = False, blocks: int = 0, shared_blocks: bool = False, projection: str = "none"
) -> list[CNNLayer]:
    """List the layers of a network, the head not counted; see `lwtrain.backbones.cnn` for the settings.

    Raises:
        ValueError: If the settings do not go together.

    Example:
        >>> [layer.kind for layer in plan_layers(32, blocks=3)]
        ['conv', 'block', 'block', 'block']
        >>> plan_layers(32, projection="embed")[-1]
        CNNLayer(kind='conv', channels=8, kernel_size=1, repeats=1, pools_after=False)
    """
    if skip and blocks:
        raise ValueError(f"model.skip=true: not with model.blocks={blocks}, which have skip connections of their own")
    if shared_blocks and blocks < 2:
        raise ValueError(f"model.shared_blocks=true: needs model.blocks of 2 or more to share weights, not {blocks}")
    layers = [CNNLayer("conv", channels, pools_after=True)]
    if shared_blocks:
        layers.append(CNNLayer("block", channels, repeats=blocks, pools_after=True))
    elif blocks:
        block = CNNLayer("block", channels)
        layers += [*[block] * (blocks - 1), replace(block, pools_after=True)]
    else:
        layers.append(CNNLayer("conv", _half(channels), pools_after=True))
    if skip:
        layers.append(CNNLayer("skip", layers[-1].channels, pools_after=True))
    if projection != "none":
        width = layers[-1].channels
        layers.append(CNNLayer("conv", _half(width) if projection == "embed" else width, kernel_size=1))
    return layers


def check_image_size(layers: list[CNNLayer], image_size: int) -> None:
    """Refuse images that the poolings would shrink to nothing.

    Args:
        layers: See `plan_layers`.
        image_size: The shortest side of the images, in pixels.

    Raises:
        ValueError: If the images are too small.

    Example:
        >>> check_image_size(plan_layers(16, skip=True), 7)
        Traceback (most recent call last):
        ValueError: dataset.image_size=7: cnn pools 3 times, choose 8 or more
    """
    num_poolings = sum(layer.pools_after for layer in layers)
    if image_size < 2**num_poolings:
        raise ValueError(
            f"dataset.image_size={image_size}: cnn pools {num_poolings} times, choose {2**num_poolings} or more"
        )


def _half(channels: int) -> int:
    return max(1, channels // 2)
