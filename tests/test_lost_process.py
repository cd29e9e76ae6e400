"""A process that dies in the middle of an epoch ends the run on all others, and the last checkpoint is good."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_runs import CLASSIFIER

from lwtrain import cli
from lwtrain.checkpoints import load_checkpoint
from lwtrain.lost_process import lost_a_process

CHECKOUT = Path(__file__).parents[1]
TOGETHER = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2"]
QUIET = ["precision=32", "progress=none", "logger.tensorboard=false", "layer.store=false"]
PATIENCE = 90.0  # seconds, of a machine that others use too


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, str(CHECKOUT / "train.py"), *words, f"hydra.run.dir={folder}"]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def survivor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str, float]:
    """A run's folder, what its first process ended with and said, and how many seconds after the second was killed."""
    folder = tmp_path_factory.mktemp("lost") / "run"
    words = [*CLASSIFIER, *QUIET, *TOGETHER, "schedule.epochs=200", "schedule.waves=200"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command(folder, *words), env=environment, stderr=subprocess.PIPE, text=True) as first:
        wait_for((folder / "checkpoints" / "last.ckpt").is_file)
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        killed = time.monotonic()
        assert first.stderr is not None
        said = first.stderr.read()
        code = first.wait(PATIENCE)
    return folder, code, said, time.monotonic() - killed


@pytest.mark.skipif(sys.platform != "linux", reason="finds the second process in /proc")
def test_the_survivor_ends_at_once_and_says_how_to_go_on(survivor: tuple[Path, int, str, float]) -> None:
    folder, code, said, seconds = survivor
    assert code != 0
    assert seconds < 30
    if code == 1:  # else Lightning, which looks at its processes every five seconds, was faster, and said so
        assert said.splitlines()[-2:] == [
            "another process of this run has ended or does not answer; what it said stands above",
            f"stopped; go on with: ckpt_path={folder}",
        ]
    assert "Traceback" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="finds the second process in /proc")
def test_one_process_goes_on_with_what_two_have_begun(survivor: tuple[Path, int, str, float]) -> None:
    folder = survivor[0]
    epochs = load_checkpoint(folder / "checkpoints" / "last.ckpt")["epoch"] + 1
    cli.main([f"ckpt_path={folder}", "trainer.devices=1", "trainer.strategy=auto", f"trainer.max_epochs={epochs + 1}"])
    told = (folder / "train.log", folder / "lwtrain.log")
    said = "".join(log.read_text() for log in told if log.is_file())
    assert "ckpt_path: made by 2 process(es), gone on with by 1: batches are dealt out anew" in said
    assert load_checkpoint(folder / "checkpoints" / "last.ckpt")["epoch"] == epochs


def test_errors_of_other_kinds_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:19691")
    assert not lost_a_process(closed)  # before there is a group of processes
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    assert lost_a_process(closed)
    assert lost_a_process(torch.distributed.DistBackendError("NCCL communicator was aborted"))
    assert not lost_a_process(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
