"""The machine's peak: the product of two square matrices, the quickest of several."""

import torch

from benchmarking.contender import pick_device, timed
from benchmarking.row import Row
from lwtrain.data.load import Split

AT_LEAST_SECONDS = 1.0
AT_LEAST_PRODUCTS = 5


class MatrixProduct:
    """Multiplies; there is nothing to learn."""

    num_layers = 1

    def __init__(self, row: Row) -> None:
        size, dtype = int(row.case), torch.bfloat16 if row.precision == "bf16" else torch.float32
        self._factor = torch.rand(size, size, dtype=dtype, device=pick_device())

    def train(self, images: Split) -> float:
        """Give the seconds of the quickest product."""
        spans: list[float] = []
        while len(spans) < AT_LEAST_PRODUCTS or sum(spans) < AT_LEAST_SECONDS:
            with timed() as seconds:
                self._factor @ self._factor
            spans.append(seconds())
        return min(spans)
