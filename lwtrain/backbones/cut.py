"""Cuts a network that is one `nn.Sequential` into layers, maps and a head."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import nn

from lwtrain.backbones.backbone import Backbone, Shape

POOLINGS = (nn.MaxPool2d, nn.AvgPool2d, nn.LPPool2d, nn.FractionalMaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


def cut(
    network: nn.Sequential | Sequence[nn.Module],
    before: Iterable[int],
    input_shape: Shape,
    num_classes: int,
    name: str = "network",
) -> Backbone:
    """Make a `Backbone` of a network of your own.

    What stands before the first cut, and between two of them, is a layer each; poolings at a layer's end become its
    map, so that the sidecar sees what they would throw away. What stands behind the last cut is the head, and has to
    flatten what enters it. The modules are shared, not copied.

    Args:
        network: The modules, in the order in which they run.
        before: The places of the cuts: the numbers of the modules that a new layer, or at last the head, begins with.
        input_shape: (channels, height, width) of the images.
        num_classes: Number of logits that the network gives.
        name: For your own eyes.

    Raises:
        ValueError: If the network is no `nn.Sequential`, or the cuts leave a layer or the head without modules.

    Example:
        >>> conv = lambda channels_in, channels: nn.Conv2d(channels_in, channels, 3, padding=1)
        >>> network = nn.Sequential(conv(3, 8), nn.ReLU(), nn.MaxPool2d(2), conv(8, 16), nn.ReLU(),
        ...                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
        >>> backbone = cut(network, before=[3, 5], input_shape=(3, 32, 32), num_classes=10)
        >>> backbone.maps, len(backbone.head)
        ([MaxPool2d(...), Identity()], 3)
    """
    if not isinstance(network, (nn.Sequential, nn.ModuleList, Sequence)):
        raise ValueError(
            f"network={type(network).__name__}: cut an nn.Sequential, or write a StackableNetwork "
            "(see docs/own_network.md)"
        )
    modules, cuts = list(network), sorted(before)
    places = [0, *cuts, len(modules)]
    if not cuts or any(start >= end for start, end in pairwise(places)):
        raise ValueError(f"before={cuts}: choose different numbers from 1 to {len(modules) - 1}, at least one")
    slices = [modules[start:end] for start, end in pairwise(places)]
    parts = [_layer_and_map(slice_) for slice_ in slices[:-1]]
    layers, maps = [layer for layer, _ in parts], [map for _, map in parts]
    return Backbone(name, input_shape, num_classes, layers, maps, nn.Sequential(*slices[-1]))


def _layer_and_map(modules: list[nn.Module]) -> tuple[nn.Module, nn.Module]:
    end = len(modules)
    while end > 1 and isinstance(modules[end - 1], POOLINGS):
        end -= 1
    layer, poolings = modules[:end], modules[end:]
    return _joined(layer), _joined(poolings) if poolings else nn.Identity()


def _joined(modules: list[nn.Module]) -> nn.Module:
    return modules[0] if len(modules) == 1 else nn.Sequential(*modules)
