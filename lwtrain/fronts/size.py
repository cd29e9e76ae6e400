"""How many bytes a front takes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from lwtrain.data.view import View, as_inputs
from lwtrain.fronts.front import Precision, climb


def bytes_per_row(view: View, layers: Sequence[nn.Module], precision: Precision, device: torch.device) -> list[int]:
    """Find what one row takes as it enters each layer, and as it leaves the last: by sending one through them.

    Args:
        view: The rows.
        layers: Those to pass through. They may be in training mode, and do not change.
        precision: Makes the context the layers run in.
        device: Where they are.
    """
    row = view[0:1]
    sizes = [row.nbytes]
    row = as_inputs(row.to(device))
    with _at_rest(layers):
        for layer in layers:
            row = climb(row, [layer], precision)
            sizes.append(row.nbytes)
    return sizes


def front_bytes(row_bytes: Sequence[int], num_rows: int) -> int:
    """Give the most that one front takes: while it is rolled, it is there before two layers on end.

    Example:
        >>> front_bytes([3, 8, 6, 1], num_rows=10), front_bytes([3], num_rows=10)
        (140, 30)
    """
    pairs = zip(row_bytes, [*row_bytes[1:], 0], strict=True)
    return num_rows * max(map(sum, pairs))


def readable(num_bytes: float) -> str:
    """Write a size for people.

    Example:
        >>> readable(1.44 * 2**30), readable(300 * 2**20)
        ('1.4 GiB', '300.0 MiB')
    """
    return f"{num_bytes / 2**30:.1f} GiB" if num_bytes >= 2**30 else f"{num_bytes / 2**20:.1f} MiB"


@contextmanager
def _at_rest(layers: Sequence[nn.Module]) -> Iterator[None]:
    modes = [(module, module.training) for layer in layers for module in layer.modules()]
    for layer in layers:
        layer.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
