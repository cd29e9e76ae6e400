"""Makes the batches that come next ready while the one before is learned from."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

AHEAD = 2  # batches: one in reserve, should the one after it take long


class Ready(NamedTuple):
    """A batch on the device that wants it, and the event by which its copying ends; None: it has ended."""

    activations: Tensor
    copied: torch.cuda.Event | None


class ReadAhead:
    """Reads batches in the order in which they are going to be wanted, on a thread of its own, and copies them.

    The order only says what to have ready: whatever is asked for, the answer is right, or None.

    Args:
        read: Gives the activations of some rows. It runs on the thread.
        device: Where they are wanted. To a CUDA device they are copied on a stream of their own, beside its work.
    """

    def __init__(self, read: Callable[[Tensor], Tensor], device: torch.device) -> None:
        self._read, self._device = read, device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._worker: ThreadPoolExecutor | None = None
        self._to_come: Iterator[Tensor] = iter(())
        self._under_way: deque[tuple[Tensor, Future[Ready]]] = deque()

    def expect(self, batches: Sequence[Tensor]) -> None:
        """Begin with other batches, given by their rows."""
        self.stop()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="front")
        self._to_come = iter(batches)
        for _ in range(AHEAD):
            self._begin_next()

    def take(self, rows: Tensor) -> Tensor | None:
        """Give the next batch if it is the one wanted, else None; waits for it if need be.

        Raises:
            Exception: What went wrong while it was read.
        """
        if not self._under_way or not torch.equal(self._under_way[0][0], rows.cpu()):
            return None
        _, future = self._under_way.popleft()
        self._begin_next()
        activations, copied = future.result()
        if copied is not None:
            stream = torch.cuda.current_stream(self._device)
            stream.wait_event(copied)
            activations.record_stream(stream)
        return activations

    def stop(self) -> None:
        """Drop what is under way, and end the thread."""
        self._under_way.clear()
        self._to_come = iter(())
        if self._worker is not None:
            self._worker.shutdown(cancel_futures=True)
            self._worker = None

    def _begin_next(self) -> None:
        rows = next(self._to_come, None)
        if rows is not None and self._worker is not None:
            self._under_way.append((rows, self._worker.submit(self._make_ready, rows)))

    def _make_ready(self, rows: Tensor) -> Ready:
        activations = self._read(rows)
        if self._stream is None:
            return Ready(activations, None)
        with torch.cuda.stream(self._stream):
            return Ready(activations.to(self._device, non_blocking=True), self._stream.record_event())
