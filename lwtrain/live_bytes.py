"""How many bytes of tensors a computation holds at once, found by doing it with a few rows."""

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

FEW, MORE = 4, 8  # rows; batch norm wants two, of which a few may have labels


class LiveBytes(TorchDispatchMode):
    """Notes the bytes of each tensor that is made within, when it is made and when it is let go.

    Gradients and what autograd saves for the backward pass are among them; what a kernel needs for itself is not.

    Args:
        known: Tensors that were there before. What shares memory with them is not noted.

    Attributes:
        changes: Bytes that came (above 0) and went (below 0), in order.

    Example:
        >>> with LiveBytes() as live:
        ...     _ = torch.zeros(10) + torch.zeros(10)
        >>> live.changes
        [40, 40, 40, -40, -40]
    """

    def __init__(self, known: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.changes: list[int] = []
        self._known = [tensor.untyped_storage() for tensor in known]  # held, so that no other takes their identity
        self._noted = set(map(id, self._known))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._note(tensor.untyped_storage())
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        if id(storage) not in self._noted and storage.nbytes():
            self._noted.add(id(storage))
            self.changes.append(storage.nbytes())
            weakref.finalize(storage, self._let_go, id(storage), storage.nbytes())

    def _let_go(self, identity: int, num_bytes: int) -> None:
        self._noted.discard(identity)
        self.changes.append(-num_bytes)


@dataclass(frozen=True)
class RowBytes:
    """The most bytes that a computation holds at once, by how many rows it is done with.

    What comes and goes is the same for any number of rows, and each piece grows linearly: two are enough to know all.

    Attributes:
        few: What came and went with `FEW` rows, (changes,) float64.
        more: The same with `MORE` rows.
    """

    few: Tensor
    more: Tensor

    def peak(self, rows: int) -> int:
        """Give the bytes for a number of rows."""
        growth = (self.more - self.few) / (MORE - FEW)
        held = (self.few + growth * (rows - FEW)).cumsum(dim=0)
        return int(held.max().clamp_min(0)) if len(held) else 0

    def most_rows(self, num_bytes: float) -> int:
        """Give the largest power of two that needs no more than so many bytes; 0 if there is none from 2 up."""
        rows = 0
        while self.peak(max(2, 2 * rows)) <= num_bytes and rows < 2**30:
            rows = max(2, 2 * rows)
        return rows


def row_bytes(work: Callable[[int], LiveBytes]) -> RowBytes:
    """Do a computation with `FEW` rows and with `MORE`, and find what it takes with any number.

    Args:
        work: Does it with a number of rows, watched.
    """
    few, more = work(FEW).changes, work(MORE).changes
    many = torch.tensor(more, dtype=torch.float64)
    if len(few) != len(more):  # other kernels for other sizes: let all grow with the rows
        return RowBytes(many * FEW / MORE, many)
    return RowBytes(torch.tensor(few, dtype=torch.float64), many)
