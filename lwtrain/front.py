"""The front: what the active layer reads, made by the resting layers below it.

Layers that rest give the same activations for the same rows, so they need not run again for every batch: `MemoryFront`
runs each of them once over a view and keeps what comes out, `RecomputeFront` keeps nothing and runs them per batch.
Both give the active layer the same numbers.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn

from lwtrain.data.view import View, as_inputs

CHUNK = 256  # rows at once where nothing is learned; small enough for a layer's activations to stay in cache


class Front(Protocol):
    """The activations of one view as they enter a layer."""

    layer: int

    def advance(self, layer: int, view: View) -> None:
        """Make the front stand before `layer` of the network, for the rows of `view`."""
        ...

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Give the activations of some rows, (len(rows), channels, height, width), without gradient."""
        ...

    def hand_on(self, rows: Tensor, outputs: Tensor) -> None:
        """Take what the layer it stands before made of some rows, where that was wanted for another reason."""
        ...

    def forget(self, layer: int) -> None:
        """Forget what `layer` and those above it have made: it is about to train."""
        ...

    def clear(self) -> None:
        """Forget the view and all activations."""
        ...


class RecomputeFront:
    """Keeps nothing: the layers below run again for every batch. Least memory; right where no row comes twice."""

    def __init__(self, layers: Sequence[nn.Module], precision: Callable[[], AbstractContextManager[None]]) -> None:
        self._layers, self._precision = layers, precision
        self.layer = 0
        self._view: View | None = None

    def clear(self) -> None:
        """Forget the view."""
        self.layer, self._view = 0, None

    def advance(self, layer: int, view: View) -> None:
        """Remember where to stand; nothing is computed."""
        self.layer, self._view = layer, view

    def hand_on(self, rows: Tensor, outputs: Tensor) -> None:
        """Keep nothing."""

    def forget(self, layer: int) -> None:
        """Nothing is kept."""

    def __getitem__(self, rows: Tensor) -> Tensor:
        assert self._view is not None
        return _climb(as_inputs(self._view[rows]), self._layers[: self.layer], self._precision)


class MemoryFront:
    """Keeps the activations of all rows in memory, and rolls them forward through one layer after the other.

    Promise: from one view's start to its end each layer runs forward over the rows exactly once. Going on to another
    view, or back to a lower layer, starts from the images again, so nothing stale is ever read.

    Args:
        layers: The network; `layers[k]` maps what enters layer k to what enters layer k + 1.
        precision: Makes the context the layers run in, such as autocast; the activations are kept in the type that
            comes out (bfloat16 under bf16 autocast).
    """

    def __init__(self, layers: Sequence[nn.Module], precision: Callable[[], AbstractContextManager[None]]) -> None:
        self._layers, self._precision = layers, precision
        self.layer = 0
        self._view: View | None = None
        self._activations: Tensor | None = None
        self._next: Tensor | None = None  # what has been handed on for the layer above
        self._handed_on = 0  # rows

    def clear(self) -> None:
        """Forget the view and all activations."""
        self.layer, self._view, self._activations = 0, None, None
        self._next, self._handed_on = None, 0

    def forget(self, layer: int) -> None:
        """Forget what `layer` and those above it have made: all, or what was handed on."""
        if layer < self.layer:
            self.clear()
        elif layer == self.layer:
            self._next, self._handed_on = None, 0

    def hand_on(self, rows: Tensor, outputs: Tensor) -> None:
        """Keep outputs of the layer above; once all rows are there, the front need not be rolled."""
        assert self._activations is not None
        if self._next is None:
            self._next = _room(len(self._activations), outputs)
        self._next[rows] = outputs
        self._handed_on += len(rows)

    def advance(self, layer: int, view: View) -> None:
        """Roll the activations forward, from where they stand if they can."""
        if self._view is not view or layer < self.layer:
            self.clear()  # before the new activations are made: both together may not fit
            self._view, self._activations = view, _collect(len(view), lambda rows: view[rows])
        while self.layer < layer:
            self._roll()

    def __getitem__(self, rows: Tensor) -> Tensor:
        assert self._activations is not None
        return as_inputs(self._activations[rows])

    def _roll(self) -> None:
        held, passing = self._activations, self._layers[self.layer : self.layer + 1]
        assert held is not None
        if self._next is not None and self._handed_on == len(held):
            self._activations = self._next
        else:
            self._activations = _collect(
                len(held), lambda rows: _climb(as_inputs(held[rows]), passing, self._precision)
            )
        self._next, self._handed_on = None, 0
        self.layer += 1


def _climb(
    inputs: Tensor, layers: Sequence[nn.Module], precision: Callable[[], AbstractContextManager[None]]
) -> Tensor:
    """Run resting layers, in eval mode and without gradient."""
    assert not any(layer.training for layer in layers), "a layer below the active one must rest"
    with torch.no_grad(), precision():
        for layer in layers:
            inputs = layer(inputs)
    return inputs


def _collect(num_rows: int, chunk: Callable[[slice], Tensor]) -> Tensor:
    """Fill one preallocated tensor chunk by chunk, channels last."""
    whole: Tensor | None = None
    for start in range(0, num_rows, CHUNK):
        part = chunk(slice(start, start + CHUNK))
        if whole is None:
            whole = _room(num_rows, part)
        whole[start : start + len(part)] = part
    assert whole is not None, "a view has at least one row"
    return whole


def _room(num_rows: int, like: Tensor) -> Tensor:
    """Make room for as many rows as these."""
    memory = torch.channels_last if like.ndim == 4 else torch.contiguous_format
    return torch.empty((num_rows, *like.shape[1:]), dtype=like.dtype, device=like.device, memory_format=memory)
