"""Reading ahead: the same numbers, a thread that ends, and errors that surface."""

import threading
from collections.abc import Callable

import pytest
import torch
from small_fronts import CPU
from tiny import fit, tiny_stack
from torch import Tensor

from lwtrain import WaveSchedule
from lwtrain.errors import TrainingError
from lwtrain.fronts.held import HeldFront
from lwtrain.fronts.read_ahead import AHEAD, ReadAhead


class Source:
    """Rows of squares; remembers which were read, by which thread."""

    def __init__(self) -> None:
        self.read: list[list[int]] = []
        self.threads: set[str] = set()
        self.arrived = threading.Semaphore(0)

    def __call__(self, rows: Tensor) -> Tensor:
        self.read.append(rows.tolist())
        self.threads.add(threading.current_thread().name)
        self.arrived.release()
        return rows.square()

    def wait(self, batches: int) -> None:
        for _ in range(batches):
            assert self.arrived.acquire(timeout=10)


def batches(count: int = 6) -> list[Tensor]:
    return list(torch.randperm(4 * count, generator=torch.Generator().manual_seed(0)).split(4))


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("front")]


def test_batches_come_in_order_and_are_read_once_each_on_another_thread() -> None:
    source = Source()
    ahead, expected = ReadAhead(source, CPU), batches()
    ahead.expect(expected)
    for rows in expected:
        taken = ahead.take(rows)
        assert taken is not None
        assert torch.equal(taken, rows.square())
    assert source.read == [rows.tolist() for rows in expected]
    assert threading.current_thread().name not in source.threads
    ahead.stop()


def test_no_more_is_read_than_a_few_batches_ahead() -> None:
    source = Source()
    ahead, expected = ReadAhead(source, CPU), batches()
    ahead.expect(expected)
    source.wait(AHEAD)
    ahead.take(expected[0])
    source.wait(1)
    assert not source.arrived.acquire(timeout=0.05)
    assert len(source.read) == AHEAD + 1
    ahead.stop()


def test_what_was_not_expected_is_not_given() -> None:
    ahead, expected = ReadAhead(Source(), CPU), batches()
    assert ahead.take(expected[0]) is None
    ahead.expect(expected)
    assert ahead.take(expected[1]) is None
    assert ahead.take(expected[0][:2]) is None
    assert ahead.take(expected[0]) is not None
    assert ahead.take(expected[0]) is None
    ahead.stop()
    assert ahead.take(expected[1]) is None


def test_another_order_takes_the_place_of_the_first() -> None:
    source = Source()
    ahead, first, second = ReadAhead(source, CPU), batches(), batches(3)
    ahead.expect(first)
    ahead.expect(second)
    taken = [ahead.take(rows) for rows in second]
    assert all(part is not None and torch.equal(part, rows.square()) for part, rows in zip(taken, second, strict=True))
    assert len(readers()) == 1
    ahead.stop()
    assert readers() == []


def test_an_error_on_the_thread_surfaces_where_the_batch_is_taken() -> None:
    def fail(rows: Tensor) -> Tensor:
        raise TrainingError("front=disk: gone")

    ahead = ReadAhead(fail, CPU)
    ahead.expect(batches())
    with pytest.raises(TrainingError, match="front=disk: gone"):
        ahead.take(batches()[0])
    ahead.stop()
    assert readers() == []


@pytest.mark.parametrize("settings", [{}, {"limit_train_batches": 2}])
def test_a_fit_reads_every_training_batch_ahead_and_ends_the_thread(
    settings: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bool] = []

    def watched(take: Callable[[ReadAhead, Tensor], Tensor | None]) -> Callable[[ReadAhead, Tensor], Tensor | None]:
        def wrapper(self: ReadAhead, rows: Tensor) -> Tensor | None:
            batch = take(self, rows)
            if self._to_come is not None and torch.is_grad_enabled():
                given.append(batch is not None)
            return batch

        return wrapper

    monkeypatch.setattr(ReadAhead, "take", watched(ReadAhead.take))
    stack = tiny_stack()
    fit(WaveSchedule(2, 2, front="disk"), stack, **settings)
    assert given == [True] * 6 * settings.get("limit_train_batches", 4)
    assert readers() == []


def test_slices_of_batches_are_read_ahead_too(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    take = ReadAhead.take

    def watched(self: ReadAhead, rows: Tensor) -> Tensor | None:
        batch = take(self, rows)
        if torch.is_grad_enabled():
            assert batch is not None
            taken.append(len(batch))
        return batch

    monkeypatch.setattr(ReadAhead, "take", watched)
    stack = tiny_stack()
    stack.micro_batch = 4
    fit(WaveSchedule(1, 1, front="disk"), stack)
    assert taken == [4] * 3 * 12


def test_a_fit_that_breaks_off_ends_the_thread_and_tells_why(monkeypatch: pytest.MonkeyPatch) -> None:
    read = HeldFront._read

    def fail_in_the_worker(self: HeldFront, rows: Tensor) -> Tensor:
        if threading.current_thread().name.startswith("front"):
            raise TrainingError("front=disk: gone")
        return read(self, rows)

    monkeypatch.setattr(HeldFront, "_read", fail_in_the_worker)
    with pytest.raises(TrainingError, match="front=disk: gone"):
        fit(WaveSchedule(1, 1, front="disk"))
    assert readers() == []
