"""What the fronts in memory and on disk share: activations that are kept, and rolled forward."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lwtrain.data.view import View, as_inputs
from lwtrain.fronts.front import Precision, climb, rows_at_once
from lwtrain.fronts.read_ahead import ReadAhead
from lwtrain.fronts.room import Room


class HeldFront:
    """Keeps the activations of all rows, and rolls them forward through one layer after the other.

    Promise: from one view's start to its end each layer runs forward over the rows exactly once. Going on to another
    view, or back to a lower layer, starts from the images again, so nothing stale is ever read.

    Args:
        layers: The network; `layers[k]` maps what enters layer k to what enters layer k + 1.
        precision: Makes the context the layers run in, such as autocast; the activations are kept in the type that
            comes out (bfloat16 under bf16 autocast).
        highest: The highest layer it is going to stand before; what that one hands on is not kept.
        device: Where the layers are, and the activations wanted.
        read_ahead: Whether the batches that come next are made ready on a thread of its own.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        precision: Precision,
        *,
        highest: int | None = None,
        device: torch.device | None = None,
        read_ahead: bool = False,
    ) -> None:
        self._layers, self._precision = layers, precision
        self._highest = len(layers) - 1 if highest is None else highest
        self._device = device or torch.device("cpu")
        self.layer = 0
        self._view: View | None = None
        self._held: Room | None = None
        self._next: Room | None = None  # what has been handed on for the layer above
        self._handed_on = 0  # rows
        self._ahead = ReadAhead(self._read, self._device) if read_ahead else None

    @abstractmethod
    def _make_room(self, num_rows: int, like: Tensor, beside: Room | None) -> Room:
        """Make room for so many rows like these, while another room is in use."""

    def clear(self) -> None:
        """Forget the view and all activations."""
        self._stop_reading()
        self.layer, self._view, self._held = 0, None, None
        self._next, self._handed_on = None, 0

    def forget(self, layer: int) -> None:
        """Forget what `layer` and those above it have made: all, or what was handed on."""
        if layer < self.layer:
            self.clear()
        elif layer == self.layer:
            self._next, self._handed_on = None, 0

    def hand_on(self, rows: Tensor, outputs: Tensor) -> None:
        """Keep outputs of the layer above; once all rows are there, the front need not be rolled."""
        if self.layer >= self._highest:
            return
        assert self._view is not None
        if self._next is None:
            self._next = self._make_room(len(self._view), outputs, self._held)
        self._next.write(rows, outputs)
        self._handed_on += len(rows)

    def advance(self, layer: int, view: View) -> None:
        """Roll the activations forward, from where they stand if they can."""
        self._stop_reading()
        if self._view is not view or layer < self.layer:
            self.clear()  # before the new activations are made: both together may not fit
            self._view = view
        if layer == self.layer and self._held is not None:
            return
        if self._handed_on == len(view):
            self._held, self.layer = self._next, self.layer + 1
        self._next, self._handed_on = None, 0
        if self._held is None:
            self._held, self.layer = self._roll(layer, view), layer
        while self.layer < layer:  # one by one: so there are two neighbours at once, for which there is space
            self._held, self.layer = self._roll(self.layer + 1, view), self.layer + 1

    def expect(self, batches: Sequence[Tensor]) -> None:
        """Begin to make batches ready."""
        if self._ahead is not None:
            self._ahead.expect(batches)

    def __getitem__(self, rows: Tensor) -> Tensor:
        ready = None if self._ahead is None else self._ahead.take(rows)
        return as_inputs(self._read(rows).to(self._device, non_blocking=True) if ready is None else ready)

    def images(self, rows: Tensor) -> Tensor:
        """Make the images of some rows again, as the view has them."""
        assert self._view is not None
        return as_inputs(self._view[rows].to(self._device))

    def _read(self, rows: Tensor) -> Tensor:
        assert self._held is not None
        return self._held.read(rows)

    def _stop_reading(self) -> None:
        if self._ahead is not None:
            self._ahead.stop()

    def _roll(self, layer: int, view: View) -> Room:
        """Send all rows on to `layer`, chunk by chunk; of what is on the way there nothing is kept."""
        held, passed, room = self._held, self._layers[self.layer : layer], None
        step = rows_at_once(self._device)
        for start in range(0, len(view), step):
            rows = slice(start, min(start + step, len(view)))
            part = view[rows] if held is None else held.read(rows)
            if passed:
                part = climb(as_inputs(part.to(self._device)), passed, self._precision)
            if room is None:
                room = self._make_room(len(view), part, held)
            room.write(rows, part)
        assert room is not None, "a view has at least one row"
        return room
