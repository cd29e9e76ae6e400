"""The network that the user wants in the end, cut into the pieces that train one at a time."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

Shape = tuple[int, int, int]  # (channels, height, width)


class LayerShape(NamedTuple):
    """What enters a layer and what leaves it, before the map: the shapes that its sidecar rebuilds and sees."""

    inputs: Shape
    outputs: Shape


@runtime_checkable
class StackableNetwork(Protocol):
    """What a network of anyone's has to tell to be trained layer by layer.

    The first of `layers` is followed by the first of `maps`, and so on (`nn.Identity` where nothing stands between two
    layers); the last map's output enters `head`, which returns logits, (batch, num_classes). Layers and maps turn
    batches of images (batch, channels, height, width) into such batches: what is flat has a height and width of 1. A
    map that has parameters trains with the part above it; one that must never train is a
    `lwtrain.maps.sidecar_map.SidecarMap`.
    """

    @property
    def input_shape(self) -> Shape:
        """Of the images: (channels, height, width)."""

    @property
    def num_classes(self) -> int:
        """Number of logits."""

    @property
    def layers(self) -> Iterable[nn.Module]:
        """What trains as one, each; the first reads the images."""

    @property
    def maps(self) -> Iterable[nn.Module]:
        """What stands behind each layer."""

    @property
    def head(self) -> nn.Module:
        """What turns the last map's output into logits."""


@dataclass
class Backbone:
    """A `StackableNetwork` with a name: layers joined by maps and closed by a head.

    Every piece works in any memory format and keeps it.

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

    def shapes(self) -> list[LayerShape]:
        """The shapes around every layer, first to last: see `layer_shapes`."""
        return layer_shapes(self)


def check_stackable(network: StackableNetwork) -> None:
    """Make sure that a network tells what a `StackableNetwork` tells, and that its layers can train one by one.

    Raises:
        ValueError: If something is missing, or two pieces share weights or statistics.
    """
    wanted = ("input_shape", "num_classes", "layers", "maps", "head")
    if missing := [name for name in wanted if not hasattr(network, name)]:
        raise ValueError(
            f"backbone={type(network).__name__}: a StackableNetwork has {', '.join(wanted)}; this one lacks "
            f"{', '.join(missing)} (see docs/own_network.md)"
        )
    owners: dict[int, str] = {}
    for place, piece in _pieces(network):
        for name, tensor in chain(piece.named_parameters(), piece.named_buffers()):
            if (owner := owners.setdefault(id(tensor), place)) != place:
                raise ValueError(f"{place} shares {name} with {owner}: what trains one by one needs weights of its own")


def _pieces(network: StackableNetwork) -> Iterator[tuple[str, nn.Module]]:
    for number, (layer, map) in enumerate(zip(network.layers, network.maps, strict=False)):
        yield f"layer {number}", layer
        yield f"the map behind layer {number}", map
    yield "the head", network.head


@torch.no_grad()
def layer_shapes(network: StackableNetwork) -> list[LayerShape]:
    """Find the shapes around every layer, first to last.

    One image is sent through copies on torch's "meta" device: nothing is computed, and neither the mode nor the
    statistics of the layers change.

    Raises:
        ValueError: If there are not as many maps as layers, a piece does not fit the one before it, or one writes over
            its input.
    """
    layers, maps = list(network.layers), list(network.maps)
    if len(layers) != len(maps):
        raise ValueError(f"{len(layers)} layers and {len(maps)} maps: each layer needs one behind it")
    shapes = []
    batch = torch.empty(1, *network.input_shape, device="meta")
    for number, (layer, map) in enumerate(zip(layers, maps, strict=True)):
        outputs = _pass_image(f"layer {number}", layer, batch)
        shapes.append(LayerShape(_shape(batch), _shape(outputs)))
        batch = _pass_image(f"the map behind layer {number}", map, outputs)
    logits = _pass("the head", network.head, batch)
    if logits.shape != (1, network.num_classes):
        raise ValueError(f"the head gives {tuple(logits.shape[1:])} an image, not {network.num_classes} logits")
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
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        for piece in module:
            yield from _unroll(piece)
    elif not isinstance(module, nn.Identity):
        yield module


def _pass_image(place: str, module: nn.Module, batch: Tensor) -> Tensor:
    outputs = _pass(place, module, batch)
    if outputs.ndim != 4:
        shape = tuple(outputs.shape[1:])
        raise ValueError(f"{place} gives {shape} an image, not (channels, height, width); leave flattening to the head")
    return outputs


def _pass(place: str, module: nn.Module, batch: Tensor) -> Tensor:
    writes = batch._version
    try:
        outputs = copy.deepcopy(module).to("meta", torch.float32).eval()(batch)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{place} cannot read {tuple(batch.shape[1:])} an image: {reason}") from error
    if batch._version != writes:  # the front holds it, a sidecar is to rebuild it
        raise ValueError(f"{place} writes over its input; let it begin with inplace=False")
    if not isinstance(outputs, Tensor):
        raise ValueError(f"{place} gives a {type(outputs).__name__}, not a tensor")
    return outputs


def _shape(batch: Tensor) -> Shape:
    channels, height, width = batch.shape[1:]
    return channels, height, width
