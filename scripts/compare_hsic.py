"""Compare HSIC from Gram matrices with the formula written out: python scripts/compare_hsic.py [SAMPLES] [NUMBERS].

Forward and backward pass, of 256 samples of 784 numbers unless said otherwise; takes some seconds.
"""

import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lwtrain.information.hsic import HSIC

SIGMA = 5.0


class Comparison(NamedTuple):
    """How the two ways compare.

    Attributes:
        difference: Of their values, relative.
        naive: Seconds of the formula written out, the fastest of all repeats.
        gram: Seconds from Gram matrices, likewise.
    """

    difference: float
    naive: float
    gram: float

    @property
    def ratio(self) -> float:
        """How many times faster the Gram matrices are."""
        return self.naive / self.gram


def naive(x: Tensor, y: Tensor) -> Tensor:
    """Build the (samples, samples, numbers) tensor of all differences, and H."""
    m = len(x)
    kx, ky = (
        (-(values[:, None] - values[None]).square().sum(dim=2) / (2 * SIGMA**2 * values.shape[1])).exp()
        for values in (x, y)
    )
    h = torch.eye(m, dtype=x.dtype) - 1 / m
    return torch.trace(kx @ h @ ky @ h) / (m - 1) ** 2


def compare(samples: int = 256, numbers: int = 784, repeats: int = 5) -> Comparison:
    """Take both ways through the same samples in turns."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(samples, numbers, generator=generator)
    z = (x @ torch.randn(numbers, numbers, generator=generator) / numbers**0.5).relu()
    gram = HSIC(SIGMA).criterion
    difference = abs(gram(z, x).item() / naive(z.double(), x.double()).item() - 1)
    seconds = [(_seconds(naive, z, x), _seconds(gram, z, x)) for _ in range(repeats)]
    return Comparison(difference, *map(min, zip(*seconds, strict=True)))


def _seconds(criterion: Callable[[Tensor, Tensor], Tensor], z: Tensor, x: Tensor) -> float:
    z = z.clone().requires_grad_()
    start = time.perf_counter()
    criterion(z, x).backward()
    return time.perf_counter() - start


def main() -> None:
    samples, numbers = map(int, (sys.argv[1:] + ["256", "784"][len(sys.argv) - 1 :])[:2])
    comparison = compare(samples, numbers)
    print(f"{samples} samples of {numbers} numbers, forward and backward, {torch.get_num_threads()} threads")
    print(f"formula written out: {comparison.naive * 1e3:9.2f} ms")
    print(f"from Gram matrices:  {comparison.gram * 1e3:9.2f} ms, {comparison.ratio:.0f} times faster")
    print(f"relative difference: {comparison.difference:9.1e}")


if __name__ == "__main__":
    main()
