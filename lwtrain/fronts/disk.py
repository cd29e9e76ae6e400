"""The front that is kept in a file."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lwtrain.fronts.file import NamelessFile
from lwtrain.fronts.front import Precision
from lwtrain.fronts.held import HeldFront
from lwtrain.fronts.room import Room, as_images, as_rows


class DiskFront(HeldFront):
    """Keeps the activations of all rows in a file; memory holds no more than the batches under way.

    What the kernel keeps of the file in its cache it gives back when a program needs the memory.

    Args:
        layers: As in `HeldFront`, and so are the arguments that are not named here.
        precision: As in `HeldFront`.
        file: With space for the activations before any two layers on end; see `lwtrain.fronts.size`.
        highest: As in `HeldFront`.
        device: As in `HeldFront`.
        read_ahead: As in `HeldFront`.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        precision: Precision,
        file: NamelessFile,
        *,
        highest: int | None = None,
        device: torch.device | None = None,
        read_ahead: bool = True,
    ) -> None:
        super().__init__(layers, precision, highest=highest, device=device, read_ahead=read_ahead)
        self._file = file

    def _make_room(self, num_rows: int, like: Tensor, beside: Room | None) -> Room:
        assert beside is None or isinstance(beside, DiskRoom)
        return DiskRoom(self._file, num_rows, like, beside, pinned=self._device.type == "cuda")


class DiskRoom:
    """Room in a file: at its beginning, or at its end where the beginning is in use.

    So what is held and what is being made from it lie side by side in the least space.

    Args:
        file: The file.
        num_rows: How many rows there will be.
        like: Activations as they will come; the room holds their type.
        beside: The room that is in use.
        pinned: Whether what is read is to go on to an accelerator, which copies pinned memory while it computes.
    """

    def __init__(
        self, file: NamelessFile, num_rows: int, like: Tensor, beside: "DiskRoom | None", *, pinned: bool = False
    ) -> None:
        self._file, self._shape, self._dtype, self._pinned = file, like.shape[1:], like.dtype, pinned
        self._row_bytes = self._shape.numel() * like.element_size()
        size = num_rows * self._row_bytes
        at_end = beside is not None and beside.start == 0
        self.start: int = file.num_bytes - size if at_end else 0
        self.end = self.start + size
        taken = range(0) if beside is None else range(beside.start, beside.end)
        assert 0 <= self.start <= self.end <= file.num_bytes, "the file is smaller than what it is to hold"
        assert self.start >= taken.stop or self.end <= taken.start, "the file is smaller than what it is to hold"

    def write(self, rows: Tensor | slice, activations: Tensor) -> None:
        """Keep the activations of some rows."""
        content = as_rows(activations).cpu().view(torch.uint8).numpy()
        self._file.write((self._place(first), content[part].reshape(-1)) for first, part in _runs(rows))

    def read(self, rows: Tensor | slice) -> Tensor:
        """Give the activations of some rows."""
        num_rows = rows.stop - rows.start if isinstance(rows, slice) else len(rows)
        read = torch.empty((num_rows, self._shape.numel()), dtype=self._dtype, pin_memory=self._pinned)
        content = read.view(torch.uint8).numpy()
        self._file.read((self._place(first), content[part].reshape(-1)) for first, part in _runs(rows))
        return as_images(read, self._shape)

    def _place(self, row: int) -> int:
        return self.start + row * self._row_bytes


def _runs(rows: Tensor | slice) -> list[tuple[int, slice]]:
    """Find the rows that lie side by side: the first of each stretch, and where the stretch is among `rows`."""
    if isinstance(rows, slice):
        return [(rows.start, slice(None))]
    numbers = rows.numpy(force=True)
    starts = [0, *(np.flatnonzero(np.diff(numbers) != 1) + 1).tolist()]
    parts = map(slice, starts, [*starts[1:], len(numbers)])
    return list(zip(numbers[starts].tolist(), parts, strict=True))
