"""The front that is kept in memory."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lwtrain.fronts.front import Precision
from lwtrain.fronts.held import HeldFront
from lwtrain.fronts.room import MemoryRoom, Room


class MemoryFront(HeldFront):
    """Keeps the activations of all rows in memory: the layers' device's, or the host's where they do not fit there.

    Args:
        layers: As in `HeldFront`, and so are the arguments that are not named here.
        precision: As in `HeldFront`.
        highest: As in `HeldFront`.
        device: As in `HeldFront`.
        kept_on: Whose memory it is; the layers' device's by default. From elsewhere batches are read ahead.
        read_ahead: Whether they are read ahead in any case.
    """

    def __init__(
        self,
        layers: Sequence[nn.Module],
        precision: Precision,
        *,
        highest: int | None = None,
        device: torch.device | None = None,
        kept_on: torch.device | None = None,
        read_ahead: bool = False,
    ) -> None:
        self._kept_on = kept_on or device or torch.device("cpu")
        elsewhere = device is not None and self._kept_on != device
        super().__init__(layers, precision, highest=highest, device=device, read_ahead=read_ahead or elsewhere)

    def _make_room(self, num_rows: int, like: Tensor, beside: Room | None) -> Room:  # noqa: ARG002 - there is room
        pinned = self._device.type == "cuda" and self._kept_on.type == "cpu"
        return MemoryRoom(num_rows, like, self._kept_on, pinned=pinned)
