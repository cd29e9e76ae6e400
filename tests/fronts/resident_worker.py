"""Roll a front of 160 MiB, read all of it, and print the MiB by which the process grew at most: front folder."""

import sys
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from lwtrain.data.view import View
from lwtrain.fronts.disk import DiskFront
from lwtrain.fronts.file import NamelessFile
from lwtrain.fronts.memory import MemoryFront
from lwtrain.fronts.size import bytes_per_row, front_bytes

NUM_ROWS = 10_240


class Wide(nn.Module):
    """Makes 16 KiB of each row."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.flatten(1).repeat(1, 64)


def peak() -> int:
    """KiB; by the kernel's own mark, for that of `getrusage` is the parent's before the program is even loaded."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1])


def main(kind: str, folder: str) -> None:
    torch.set_num_threads(1)
    layers: list[nn.Module] = [Wide().eval()]
    shown = View(torch.randint(0, 256, (10, 1, 8, 8), dtype=torch.uint8), torch.arange(NUM_ROWS) % 10)
    size = front_bytes(bytes_per_row(shown, layers, nullcontext, torch.device("cpu")), NUM_ROWS)
    torch.randperm(NUM_ROWS)[:100].sort()  # what torch loads once
    before = peak()
    disk = DiskFront(layers, nullcontext, NamelessFile(Path(folder), size), highest=1)
    front = disk if kind == "disk" else MemoryFront(layers, nullcontext, highest=1)
    front.advance(1, shown)
    batches = list(torch.randperm(NUM_ROWS).split(128))
    front.expect(batches)
    assert sum(front[rows].numel() for rows in batches) == NUM_ROWS * 4096
    front.clear()
    print((peak() - before) / 1024)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
