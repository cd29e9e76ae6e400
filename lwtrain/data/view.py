"""One look at a set of images: row by row, each with an augmentation of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lwtrain.data.images import Images
from lwtrain.part_times import spent_on


@dataclass(frozen=True)
class View:
    """Row i of a view is the image number `rows[i]`, augmented by the parameters drawn for row i.

    A row looks the same whenever and with whatever others it is asked for: the front may hold it, or make it again.
    """

    images: Images  # (num_images, channels, height, width) uint8
    rows: Tensor  # (num_rows,) int64
    augmentation: Callable[[Tensor, Any], Tensor] | None = None
    parameters: Any = None

    def __len__(self) -> int:
        return len(self.rows)

    @spent_on("data")
    def __getitem__(self, places: Tensor | slice) -> Tensor:
        """Give the rows at `places` as (len(places), channels, height, width) uint8."""
        if isinstance(places, Tensor):
            places = places.to(self.rows.device)
        images = self.images[self.rows[places].to(self.images.device)]
        return images if self.augmentation is None else self.augmentation(images, self.parameters[places])


def as_inputs(images: Tensor) -> Tensor:
    """Turn pictures into what layer 0 reads: float32 in [0, 1], channels last in memory; floats pass as they are.

    Strides are those of channels last even where one channel or one pixel leaves several that say the same: torch picks
    its way to compute by them, and two ways may round differently.

    Args:
        images: (batch, channels, height, width), uint8 in 0..255 or floating point in [0, 1]; or, of a layer that
            flattens, (batch, features).
    """
    if images.ndim == 4:
        batch, channels, height, width = images.shape
        pixels = images.permute(0, 2, 3, 1).flatten(start_dim=1).view(batch, height, width, channels)
        images = pixels.permute(0, 3, 1, 2)
    return images.float().div_(255) if images.dtype == torch.uint8 else images
