"""The network that the user wants in the end, cut into the pieces that train one at a time."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]  # (channels, height, width)


class LayerShape(NamedTuple):
    """What enters a layer and what leaves it, before the map: the shapes that its sidecar rebuilds and sees."""

    inputs: Shape
    outputs: Shape


@dataclass
class Backbone:
    """Layers joined by maps and closed by a head.

    `layers[k]` is followed by `maps[k]` (`nn.Identity` where nothing stands between two layers); the last map's output
    enters `head`, which flattens it and returns logits. Every piece works in any memory format and keeps it.

    Example:
        >>> from lwtrain.backbones import BACKBONES
        >>> backbone = BACKBONES["vgg11"]("vgg11", (3, 32, 32), num_classes=10)
        >>> backbone.shapes()[1]
        LayerShape(inputs=(64, 16, 16), outputs=(128, 16, 16))
    """

    name: str
    input_shape: Shape
    num_classes: int
    layers: list[nn.Module]
    maps: list[nn.Module]
    head: nn.Module

    @torch.no_grad()
    def shapes(self) -> list[LayerShape]:
        """The shapes around every layer, first to last.

        Found by sending one image through copies on torch's "meta" device: nothing is computed, and neither the mode
        nor the statistics of the layers change.
        """
        shapes = []
        batch = torch.empty(1, *self.input_shape, device="meta")
        for layer, map in zip(self.layers, self.maps, strict=True):
            outputs = _on_meta(layer)(batch)
            shapes.append(LayerShape(_shape(batch), _shape(outputs)))
            batch = _on_meta(map)(outputs)
        return shapes


def features(layers: Iterable[nn.Module], maps: Iterable[nn.Module]) -> nn.Sequential:
    """Chain layers and maps into one flat `nn.Sequential`, named for what torchvision's VGG calls this part.

    The modules are shared, not copied. Each `nn.Sequential` is unrolled and each `nn.Identity` left out, so a VGG's
    modules get torchvision's numbers; anything else stays one module.
    """
    parts = chain.from_iterable(zip(layers, maps, strict=True))
    return nn.Sequential(*chain.from_iterable(_unroll(part) for part in parts))


def features_state_dict(layers: Iterable[nn.Module], maps: Iterable[nn.Module]) -> dict[str, Tensor]:
    """The weights of layers and maps by the names that torchvision's `vgg11_bn().features` and its like give them.

    The tensors share memory with the modules.

    Example:
        >>> from lwtrain.backbones import BACKBONES
        >>> backbone = BACKBONES["vgg11"]("vgg11", (3, 32, 32), num_classes=10)
        >>> list(features_state_dict(backbone.layers, backbone.maps))[-2:]
        ['26.running_var', '26.num_batches_tracked']
    """
    return features(layers, maps).state_dict()


def _unroll(module: nn.Module) -> Iterator[nn.Module]:
    if isinstance(module, nn.Sequential):
        for piece in module:
            yield from _unroll(piece)
    elif not isinstance(module, nn.Identity):
        yield module


def _on_meta(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).to("meta", torch.float32).eval()


def _shape(batch: Tensor) -> Shape:
    channels, height, width = batch.shape[1:]
    return channels, height, width
