"""The front of a process that gets its activations from another one; see `lwtrain.pipeline`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lwtrain.data.view import View, as_inputs
from lwtrain.pipeline import Pipeline


class ReceivedFront:
    """Waits for what the process before makes of each batch. It is kept nowhere: each batch is read once, in order.

    Args:
        pipeline: The line of processes.
        device: Where the layers are.
    """

    def __init__(self, pipeline: Pipeline, device: torch.device) -> None:
        self.layer = pipeline.own.start
        self._pipeline, self._device = pipeline, device
        self._view: View | None = None

    def advance(self, layer: int, view: View) -> None:
        """Remember the view; it is the process before that rolls."""
        assert layer == 0, "of a line of processes, all layers learn"
        self._view = view

    def expect(self, batches: Sequence[Tensor]) -> None:
        """Let batches come."""
        self._pipeline.expect([len(rows) for rows in batches])

    def __getitem__(self, rows: Tensor) -> Tensor:
        return self._pipeline.receive(len(rows), self._device)

    def images(self, rows: Tensor) -> Tensor:
        """Make the images of some rows, as the first process sees them."""
        assert self._view is not None
        return as_inputs(self._view[rows].to(self._device))

    def hand_on(self, rows: Tensor, outputs: Tensor) -> None:
        """Keep nothing."""

    def forget(self, layer: int) -> None:
        """Nothing is kept."""

    def clear(self) -> None:
        """Forget the view."""
        self._view = None
