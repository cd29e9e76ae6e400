"""How many bytes autograd keeps for backward passes: in all, and at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class SavedBytes:
    """A tensor counts from when a forward pass saves it until the graph lets go of it."""

    def __init__(self) -> None:
        self.total, self.now, self.peak = 0, 0, 0

    @contextmanager
    def watch(self) -> Iterator["SavedBytes"]:
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: _Saved(self, tensor), lambda saved: saved.tensor):
            yield self


class _Saved:
    def __init__(self, counter: SavedBytes, tensor: Tensor) -> None:
        self.tensor, self._counter, self._bytes = tensor, counter, tensor.numel() * tensor.element_size()
        counter.total += self._bytes
        counter.now += self._bytes
        counter.peak = max(counter.peak, counter.now)

    def __del__(self) -> None:
        self._counter.now -= self._bytes
