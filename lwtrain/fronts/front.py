"""What a front is, and how resting layers run."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import torch
from torch import Tensor, nn

from lwtrain.data.view import View, as_inputs

CHUNK = 256  # rows at once where nothing is learned; small enough for a layer's activations to stay in cache
_ACCELERATED = 8  # times as many on an accelerator, where launching a kernel costs more than what so few rows take

Precision = Callable[[], AbstractContextManager[None]]
"""Makes the context that layers run in, such as autocast."""


def rows_at_once(device: torch.device) -> int:
    """Say how many rows run together on a device where nothing is learned."""
    return CHUNK * (1 if device.type == "cpu" else _ACCELERATED)


class Front(Protocol):
    """The activations of one view as they enter a layer."""

    layer: int

    def advance(self, layer: int, view: View) -> None:
        """Make the front stand before `layer` of the network, for the rows of `view`."""
        ...

    def expect(self, batches: Sequence[Tensor]) -> None:
        """Hear which rows are going to be read, batch by batch, so that they may be ready by then."""
        ...

    def __getitem__(self, rows: Tensor) -> Tensor:
        """Give the activations of some rows, (len(rows), channels, height, width), without gradient."""
        ...

    def images(self, rows: Tensor) -> Tensor:
        """Give the images of some rows, as they were augmented and as layer 0 reads them."""
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


def climb(inputs: Tensor, layers: Sequence[nn.Module], precision: Precision) -> Tensor:
    """Run resting layers one after the other, in eval mode and without gradient.

    What is between two layers is laid out as a front that was rolled to there would give it, so that no layer computes
    in another order for it.
    """
    assert not any(layer.training for layer in layers), "a layer below the active one must rest"
    with torch.no_grad(), precision():
        for layer in layers:
            inputs = as_inputs(layer(inputs))
    return inputs
