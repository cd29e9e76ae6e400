"""The front that is not kept."""

from collections.abc import Sequence

from torch import Tensor, nn

from lwtrain.data.view import View, as_inputs
from lwtrain.fronts.front import Precision, climb


class RecomputeFront:
    """Keeps nothing: the layers below run again for every batch. Least memory; right where no row comes twice.

    Args:
        layers: The network; `layers[k]` maps what enters layer k to what enters layer k + 1.
        precision: Makes the context the layers run in.
    """

    def __init__(self, layers: Sequence[nn.Module], precision: Precision) -> None:
        self._layers, self._precision = layers, precision
        self.layer = 0
        self._view: View | None = None

    def clear(self) -> None:
        """Forget the view."""
        self.layer, self._view = 0, None

    def advance(self, layer: int, view: View) -> None:
        """Remember where to stand; nothing is computed."""
        self.layer, self._view = layer, view

    def expect(self, batches: Sequence[Tensor]) -> None:
        """Nothing can be ready."""

    def hand_on(self, rows: Tensor, outputs: Tensor) -> None:
        """Keep nothing."""

    def forget(self, layer: int) -> None:
        """Nothing is kept."""

    def images(self, rows: Tensor) -> Tensor:
        """Give the images of some rows, as the view has them."""
        assert self._view is not None
        return as_inputs(self._view[rows])

    def __getitem__(self, rows: Tensor) -> Tensor:
        assert self._view is not None
        return climb(as_inputs(self._view[rows]), self._layers[: self.layer], self._precision)
