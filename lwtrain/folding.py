"""Layers that rest, made quick: batch norm that no longer learns is part of the convolution before it."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lwtrain.convolution import SameConv2d
from lwtrain.normalisation import BatchNorm2d

# Exactly these: a subclass may compute otherwise, as torch's own does whose weight is a parametrization.
_CONVOLUTIONS, _NORMS = (nn.Conv2d, SameConv2d), (nn.BatchNorm2d, BatchNorm2d)


class FoldedLayer:
    """Runs a layer under autocast as it is in eval mode, each batch norm folded into the convolution that it follows.

    Convolutions are kept in autocast's number format, so that weights need not be turned into it for every batch.
    Promise: never stale; what is folded is made anew when a weight or statistic of the layer has changed.

    Args:
        layer: An `nn.Sequential`; any other module, one with a `forward` of its own, or one with a forward hook on any
            of its modules runs as it is. Only convolutions and batch norms with weights of their own are folded, not
            those of weight or spectral norm.
        map: What stands behind it.
    """

    def __init__(self, layer: nn.Module, map: nn.Module) -> None:
        self._layer, self._map = layer, map
        self._pieces: list[nn.Module] = []
        self._made_from: tuple[object, ...] = ()

    def features(self, inputs: Tensor) -> Tensor:
        """Give what the layer gives, up to the rounding of autocast's number format."""
        return _run(self._folded(inputs), inputs)

    def carried(self, inputs: Tensor) -> Tensor:
        """Give what layer and map give; for an activation that never falls, the same whether it is pooled or not."""
        *below, last = self._folded(inputs)
        commutes = isinstance(last, (nn.ReLU, nn.LeakyReLU)) and isinstance(self._map, nn.MaxPool2d)
        return _run([*below, self._map, last] if commutes else [*below, last, self._map], inputs)

    def _folded(self, inputs: Tensor) -> list[nn.Module]:
        if any(module._forward_hooks or module._forward_pre_hooks for module in self._layer.modules()):
            return [self._layer]
        dtype = torch.get_autocast_dtype(inputs.device.type)
        state = (dtype, *_versions(self._layer))
        if not self._pieces or state != self._made_from:
            self._pieces, self._made_from = _fold(self._layer, dtype), state
        return self._pieces


def _run(pieces: list[nn.Module], inputs: Tensor) -> Tensor:
    for piece in pieces:
        inputs = piece(inputs)
    return inputs


def _versions(layer: nn.Module) -> Iterator[tuple[int, int]]:
    """Tell each tensor's place, and how often it has been written to."""
    for tensor in (*layer.parameters(), *layer.buffers()):
        yield tensor.data_ptr(), tensor._version


@torch.no_grad()
def _fold(layer: nn.Module, dtype: torch.dtype) -> list[nn.Module]:
    if not isinstance(layer, nn.Sequential) or type(layer).forward is not nn.Sequential.forward:
        return [layer]
    pieces: list[nn.Module] = []
    for piece in layer:
        before = pieces[-1] if pieces else None
        plain = type(before) in _CONVOLUTIONS and type(piece) in _NORMS
        if plain and isinstance(before, nn.Conv2d) and isinstance(piece, nn.BatchNorm2d) and piece.track_running_stats:
            pieces[-1] = fuse_conv_bn_eval(before, piece).to(dtype).requires_grad_(False)
        else:
            pieces.append(piece)
    return pieces
