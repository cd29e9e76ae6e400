import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tiny import differing, fit, tensors

from lwtrain import LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.stop_signal import StopSignal
from lwtrain.checkpoints import load_checkpoint


class Sender(pl.Callback):
    """Sends signals to this process in the middle of an epoch."""

    def __init__(self, epoch: int, *numbers: int) -> None:
        self.epoch, self.numbers = epoch, numbers

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.current_epoch == self.epoch:
            for number in self.numbers:
                os.kill(os.getpid(), number)
            self.numbers = ()


SCHEDULES: dict[str, Callable[[], LayerSchedule]] = {
    "sequential": lambda: SequentialSchedule(3),
    "wave": lambda: WaveSchedule(4, 2),
    "simultaneous": lambda: SimultaneousSchedule(4),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_that_was_stopped_in_mid_epoch_goes_on_as_if_it_had_not(name: str, number: int, tmp_path: Path) -> None:
    make = SCHEDULES[name]
    stop = StopSignal(say=False)
    stopped = fit(make(), folder=tmp_path, callbacks=[stop, Sender(1, number)])
    assert stop.received == number
    assert load_checkpoint(tmp_path / "last.ckpt")["epoch"] == 1
    expected = fit(make())
    assert differing(tensors(stopped.layers), tensors(expected.layers)) != []
    resumed = fit(make(), folder=tmp_path, resume=tmp_path / "last.ckpt", seed=9)
    assert differing(tensors(resumed.layers), tensors(expected.layers)) == []


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_a_second_signal_stops_at_once(numbers: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):  # what Lightning makes of Ctrl-C
        fit(SCHEDULES["wave"](), folder=tmp_path, callbacks=[StopSignal(say=False), Sender(1, *numbers)])
    assert load_checkpoint(tmp_path / "last.ckpt")["epoch"] == 0


@pytest.mark.parametrize("sent", [(), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)])
def test_signals_do_what_they_did_before_when_the_fit_is_over(sent: tuple[int, ...], tmp_path: Path) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        fit(SCHEDULES["wave"](), folder=tmp_path, callbacks=[StopSignal(say=False), Sender(1, *sent)])
    except SystemExit:
        assert len(sent) == 2
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_signal_in_the_last_epoch_changes_nothing(tmp_path: Path) -> None:
    stop = StopSignal(say=False)
    stopped = fit(WaveSchedule(1, 1), folder=tmp_path, callbacks=[stop, Sender(2, signal.SIGTERM)])
    assert stopped.trainer.current_epoch == stopped.trainer.max_epochs
    assert differing(tensors(stopped.layers), tensors(fit(WaveSchedule(1, 1)).layers)) == []


def test_a_callback_that_stopped_one_fit_lets_the_next_one_pass(tmp_path: Path) -> None:
    stop = StopSignal(say=False)
    fit(WaveSchedule(1, 1), folder=tmp_path, callbacks=[stop, Sender(0, signal.SIGTERM)])
    again = fit(WaveSchedule(1, 1), callbacks=[stop])
    assert stop.received is None
    assert again.trainer.current_epoch == 3


@pytest.mark.parametrize(("number", "hint"), [(signal.SIGTERM, ""), (signal.SIGINT, " (Ctrl-C again: at once)")])
def test_what_a_signal_will_do_is_said(number: int, hint: str, capfd: pytest.CaptureFixture[str]) -> None:
    fit(WaveSchedule(1, 1), callbacks=[StopSignal(), Sender(0, number)])
    assert capfd.readouterr().err.endswith(f"\nstopping when this epoch ends{hint}\n")


def test_threads_train_without_listening() -> None:
    ends: list[int] = []

    def train() -> None:
        torch.set_num_threads(1)
        ends.append(fit(WaveSchedule(1, 1), callbacks=[StopSignal()]).trainer.current_epoch)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert ends == [3]
