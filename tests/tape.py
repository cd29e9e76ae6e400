"""Stands in for CUDA graphs where there is no GPU: records operators with the tensors that they read and write."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Tape(TorchDispatchMode):
    """Hears of every operator within, those of the backward pass included."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def replay(self) -> None:
        """Carry the operators out again, on the same tensors: what Python did between them is not done again."""
        for func, args, kwargs, result in self.calls:
            for mine, new in zip(tree_leaves(result), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(mine, Tensor) and mine.data_ptr() != new.data_ptr():
                    mine.copy_(new)


class TapeRecorder:
    """Records work as a GPU does: it is not carried out until it is replayed, and a replay leaves no trace in torch.

    Whoever looks at a tensor's version does not see that a replay has written to it.

    Args:
        network: Whose parameters, gradients and buffers the work changes.

    Attributes:
        tapes: What was recorded.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.tapes: list[Tape] = []

    def __call__(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record some work, and undo it."""
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        held = [*self.network.parameters(), *self.network.buffers(), *gradients]
        before, generator = [tensor.detach().clone() for tensor in held], torch.get_rng_state()
        with Tape() as tape:
            work()
        torch.set_rng_state(generator)
        with torch.no_grad():
            for tensor, value in zip(held, before, strict=True):
                tensor.copy_(value)
        self.tapes.append(tape)

        def replay() -> None:
            with _unsafe_preserve_version_counter((*self.network.parameters(), *self.network.buffers())):
                tape.replay()

        return replay
