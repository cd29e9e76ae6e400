"""Fronts of every kind over three tiny layers, and a view with more rows than a front computes at once."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from tiny import tiny_stack
from torch import Tensor, nn

from lwtrain.data.augmentation import preset
from lwtrain.data.view import View
from lwtrain.fronts.disk import DiskFront
from lwtrain.fronts.file import NamelessFile
from lwtrain.fronts.front import Front, Precision
from lwtrain.fronts.memory import MemoryFront
from lwtrain.fronts.recompute import RecomputeFront
from lwtrain.fronts.size import bytes_per_row, front_bytes
from lwtrain.seeds import generator_for

ROWS = torch.tensor([299, 3, 0, 256, 255, 3])
CPU = torch.device("cpu")


def plain() -> AbstractContextManager[None]:
    return nullcontext()


def half() -> AbstractContextManager[None]:
    return torch.autocast("cpu", torch.bfloat16)


def resting_layers() -> list[nn.Module]:
    """The three parts of a tiny stack at rest, with statistics and weights that are not the initial ones."""
    stack = tiny_stack()
    stack.layers[0](torch.rand(64, 3, 8, 8))
    return list(stack.eval().layers)


def view(seed: int = 0, num_rows: int = 300, channels: int = 3) -> View:
    generator = generator_for(seed)
    images = torch.randint(0, 256, (50, channels, 8, 8), dtype=torch.uint8, generator=generator)
    augmentation = preset("heavy_10" if channels == 3 else "light")
    rows = torch.randint(0, 50, (num_rows,), generator=generator)
    return View(images, rows, augmentation, augmentation.draw(num_rows, generator))


def climb(layers: list[nn.Module], images: Tensor) -> Tensor:
    inputs = images / 255
    with torch.no_grad():
        for layer in layers:
            inputs = layer(inputs)
    return inputs


def count_rows(layers: list[nn.Module]) -> list[int]:
    """Count the rows that pass each layer from now on."""
    rows = [0] * len(layers)
    for number, layer in enumerate(layers):
        layer.register_forward_hook(lambda _, inputs, __, number=number: _add(rows, number, inputs[0]))
    return rows


def _add(rows: list[int], number: int, inputs: Tensor) -> None:
    rows[number] += len(inputs)


def disk_front(layers: list[nn.Module], precision: Precision = plain, shown: View | None = None) -> DiskFront:
    """A front in a file that has no byte too many."""
    shown = shown or view()
    row_bytes = bytes_per_row(shown, layers[:-1], precision, CPU)
    file = NamelessFile(Path(tempfile.gettempdir()), front_bytes(row_bytes, len(shown)))
    return DiskFront(layers, precision, file)


HELD: dict[str, Callable[..., Front]] = {
    "memory": MemoryFront,
    "memory, read ahead": lambda layers, precision: MemoryFront(layers, precision, read_ahead=True),
    "disk": disk_front,
}
FRONTS = HELD | {"recompute": RecomputeFront}


def epoch(front: Front, batches: list[Tensor]) -> Iterator[Tensor]:
    """Read batches as an epoch does."""
    front.expect(batches)
    for rows in batches:
        yield front[rows]
