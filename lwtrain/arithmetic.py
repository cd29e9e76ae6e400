"""What computations cost, counted; and by that, what each layer costs beside the others before any has been timed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from lwtrain.data.view import as_inputs
from lwtrain.evaluating import evaluating
from lwtrain.stack import LayerStack

_PER_BYTE = 5.0  # operations in the time that a byte takes: fits small VGGs on one core within a third for most layers


@dataclass
class Counter:
    """What was counted.

    Attributes:
        operations: Floating-point operations of matrix products and convolutions.
        bytes_made: Of all tensors that were made.
    """

    operations: int = 0
    bytes_made: int = 0


@contextmanager
def counted() -> Iterator[Counter]:
    """Count what is computed within, backward passes too; the numbers are there when it ends.

    Example:
        >>> with counted() as work:
        ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
        >>> work.operations, work.bytes_made  # 2 * (2 * 3 * 4), and three matrices of 4-byte numbers
        (48, 104)
    """
    counter = Counter()
    with FlopCounterMode(display=False) as operations, _BytesMade() as made:
        yield counter
    counter.operations, counter.bytes_made = operations.get_total_flops(), made.bytes


@torch.no_grad()
def work_of_layers(stack: LayerStack) -> list[float]:
    """Count what a row costs each layer with its sidecar, the head last; only the proportions mean something.

    Nothing changes, and nothing is drawn: the layers rest meanwhile, each in its own mode again afterwards.

    Args:
        stack: Whose `input_shape` is known.

    Example:
        >>> from lwtrain.backbones import BACKBONES
        >>> from lwtrain.building import build_stack
        >>> stack = build_stack(BACKBONES["vgg8b"]("vgg8b", (3, 16, 16), num_classes=10, width=0.125))
        >>> work = work_of_layers(stack)
        >>> len(work), work[1] > work[-1]
        (7, True)
    """
    assert stack.input_shape is not None
    images = inputs = as_inputs(torch.full((2, *stack.input_shape), 0.5, device=stack.device))
    labels = torch.zeros(2, dtype=torch.int64, device=stack.device)
    found = []
    with evaluating(stack), torch.autocast(stack.device.type, enabled=False):
        for part in map(stack.part, range(len(stack.layers))):
            with counted() as work:
                step = part.local_step(inputs, labels, carry=True, images=images)
            assert step.outputs is not None
            inputs = step.outputs
            found.append(work.operations + _PER_BYTE * work.bytes_made)
    return found


class _BytesMade(TorchDispatchMode):
    """Adds up the bytes of all tensors that are made within."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        self.bytes += sum(tensor.nbytes for tensor in tree_leaves(made) if isinstance(tensor, Tensor))
        return made
