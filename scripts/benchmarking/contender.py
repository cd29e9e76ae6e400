"""What every way to train offers to the one who measures it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from lwtrain.data.load import Split


class Contender(Protocol):
    """A network, and one way to train it.

    Attributes:
        num_layers: How many times an image counts: once per layer that learns from it, the head included.
    """

    num_layers: int

    def train(self, images: Split) -> float:
        """Train on every image once (each layer in turn, or all together), and give the seconds that it took."""
        ...


class Clock:
    """Counts seconds, up to the end of what an accelerator has been given to do."""

    def __init__(self) -> None:
        self.seconds = self._started = 0.0

    def start(self) -> None:
        """Start counting."""
        self._started = _now()

    def stop(self) -> None:
        """Stop counting."""
        self.seconds = _now() - self._started


@contextmanager
def timed() -> Iterator[Callable[[], float]]:
    """Give a function that tells, afterwards, how many seconds the block took."""
    clock = Clock()
    clock.start()
    yield lambda: clock.seconds
    clock.stop()


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def pick_device() -> torch.device:
    """Give the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def shuffled(images: Split, batch_size: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Deal all images out in a random order, as floats in [0, 1], batch by batch."""
    for rows in torch.randperm(len(images)).split(batch_size):
        yield images.images[rows].to(device).float().div_(255), images.labels[rows].to(device)
