"""A line of processes, each of which trains some of the layers and hands on what they make of a batch."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

_DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
_MOST_AXES = 8


class Pipeline:
    """The place of this process in the line, and its ends of the two queues beside it.

    Activations travel from each process to the next and nothing travels back, so no process waits for a later one
    unless the queue between them is full: `queue` batches may be on the way.

    Args:
        slices: The layers of each process, in order; all of them, the head included.
        rank: Which process this is.
        queue: How many batches may be under way between two neighbours.

    Attributes:
        own: The layers that this process trains.
        waited: Seconds that this process has waited for the one before it to send, or for the one behind it to take.
    """

    def __init__(self, slices: Sequence[range], rank: int, queue: int = 2) -> None:
        assert all(one.stop == other.start for one, other in pairwise(slices)), "slices lie one behind the other"
        self.slices, self.rank, self.queue = tuple(slices), rank, queue
        self.own = self.slices[rank]
        self.waited = 0.0
        self._sent: deque[tuple[Any, Tensor]] = deque()
        self._expected: deque[int] = deque()  # rows of the batches that nobody is waiting for yet
        self._coming: deque[tuple[Any, Tensor, int]] = deque()
        self._incoming: Form | None = None  # of what comes, and of what goes
        self._outgoing: Form | None = None

    @property
    def is_first(self) -> bool:
        """Whether this process reads the images."""
        return self.rank == 0

    @property
    def is_last(self) -> bool:
        """Whether this process trains the head."""
        return self.rank == len(self.slices) - 1

    def owner(self, layer: int) -> int:
        """Say which process trains a layer."""
        return next(rank for rank, own in enumerate(self.slices) if layer in own)

    # What travels

    def send(self, activations: Tensor) -> None:
        """Hand activations on to the next process; they must not be changed afterwards."""
        if self._outgoing is None:
            self._outgoing = Form.of(activations)
            dist.send(self._outgoing.header().to(activations.device), self.rank + 1)
        numbers = self._outgoing.flat(activations)
        self._sent.append((dist.isend(numbers, self.rank + 1), numbers))
        while len(self._sent) > self.queue:
            with self._waiting():
                self._sent.popleft()[0].wait()

    def expect(self, sizes: Sequence[int]) -> None:
        """Hear how many rows the batches of an epoch are going to have; the process before sends just these."""
        assert not self._coming, "the epoch before has been read to its end"
        self._expected = deque(sizes)
        if self._incoming is not None:
            self._ask()

    def receive(self, num_rows: int, device: torch.device) -> Tensor:
        """Take what the process before has made of the next batch."""
        if self._incoming is None:
            header = torch.empty(2 + 2 * _MOST_AXES, dtype=torch.int64, device=device)
            with self._waiting():
                dist.recv(header, self.rank - 1)
            self._incoming = Form.read(header.tolist())
        self._ask(device)
        work, numbers, expected = self._coming.popleft()
        assert expected == num_rows, "batches come in the order in which they were announced"
        with self._waiting():
            work.wait()
        self._ask(device)
        return self._incoming.shaped(numbers, num_rows)

    def drain(self) -> None:
        """Wait until all that was handed on has been taken."""
        with self._waiting():
            while self._sent:
                self._sent.popleft()[0].wait()

    # What all share

    def share(self, layers: Sequence[nn.Module]) -> None:
        """Give every process each layer as the one that trains it has it; a call for all of them, between epochs."""
        for number, layer in enumerate(layers):
            tensors = [tensor.detach() for tensor in (*layer.parameters(), *layer.buffers())]
            for dtype in sorted({tensor.dtype for tensor in tensors}, key=str):
                some = [tensor for tensor in tensors if tensor.dtype is dtype]
                flat = torch.cat([tensor.reshape(-1) for tensor in some])
                dist.broadcast(flat, src=self.owner(number))
                for tensor, numbers in zip(some, flat.split([tensor.numel() for tensor in some]), strict=True):
                    tensor.copy_(numbers.view(tensor.shape))

    def together(self, figures: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Bring the figures of all processes together, and how long each has waited since the last time."""
        own = {tag: float(value) for tag, value in figures.items()}
        own[f"pipeline/rank_{self.rank}/waited"] = self.waited
        self.waited = 0.0
        every: list[dict[str, float]] = [{} for _ in self.slices]
        dist.all_gather_object(every, own)
        return {tag: torch.tensor(value) for some in every for tag, value in some.items()}

    def _ask(self, device: torch.device | None = None) -> None:
        """Have as many batches on their way as the queue holds."""
        assert self._incoming is not None
        while self._expected and len(self._coming) < self.queue:
            num_rows = self._expected.popleft()
            numbers = self._incoming.room(num_rows, device)
            self._coming.append((dist.irecv(numbers, self.rank - 1), numbers, num_rows))

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.waited += time.perf_counter() - began


class Form:
    """How activations lie in memory, so that they arrive as they were sent: convolutions pick their way by that."""

    def __init__(self, dtype: torch.dtype, shape: Sequence[int], stride: Sequence[int]) -> None:
        self.dtype, self.shape, self.stride = dtype, tuple(shape), tuple(stride)  # of one row, and strides of all axes
        self._device: torch.device | None = None

    @classmethod
    def of(cls, activations: Tensor) -> "Form":
        """Read it off a batch; of one with gaps, as a copy without them would lie."""
        return cls(activations.dtype, activations.shape[1:], torch.empty_like(activations).stride())

    @classmethod
    def read(cls, header: Sequence[int]) -> "Form":
        """Read it off what `header` has written."""
        axes = header[1]
        return cls(_DTYPES[header[0]], header[2 : 1 + axes], header[1 + axes : 1 + 2 * axes])

    def header(self) -> Tensor:
        """Write it as numbers, always as many."""
        axes = len(self.stride)
        assert axes <= _MOST_AXES
        numbers = [_DTYPES.index(self.dtype), axes, *self.shape, *self.stride]
        return torch.tensor(numbers + [0] * (2 + 2 * _MOST_AXES - len(numbers)))

    def flat(self, activations: Tensor) -> Tensor:
        """Give the numbers of a batch in the order in which they lie in memory, as bytes."""
        if activations.stride() != self.stride:
            room = self.shaped(self.room(len(activations), activations.device), len(activations))
            activations = room.copy_(activations)
        return activations.as_strided((activations.numel(),), (1,)).view(torch.uint8)

    def room(self, num_rows: int, device: torch.device | None) -> Tensor:
        """Make room for the bytes of a batch."""
        self._device = device or self._device
        width = torch.empty((), dtype=self.dtype).element_size()
        size = num_rows * torch.Size(self.shape).numel() * width
        return torch.empty(size, dtype=torch.uint8, device=self._device)

    def shaped(self, numbers: Tensor, num_rows: int) -> Tensor:
        """Turn a batch's bytes into activations."""
        return numbers.view(self.dtype).as_strided((num_rows, *self.shape), self.stride)
