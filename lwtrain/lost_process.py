"""Ends a run with a word on how to go on when another of the processes that train together has ended."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from lwtrain.config.run_folders import how_to_go_on, is_first_process
from lwtrain.errors import TrainingError

_FIRST = "LWTRAIN_FIRST_PROCESS"  # in the environment: the number of the process that started the others
_STDERR = 2
_LOOK, _PATIENCE = 1.0, 3.0  # seconds between two looks; and until a process is ended that waits for one that is gone


@contextmanager
def lost_process_told(run_dir: Path) -> Iterator[None]:
    """Say in two lines that a process this one has to wait for is gone, and how to go on.

    Whoever exchanges gradients with it hears of it at once. Who still waits for the first process to answer, or for an
    accelerator's library that waits for it, would do so for half an hour: so the others look whether it is there.

    Args:
        run_dir: The run's folder.

    Raises:
        TrainingError: If one is gone.
    """
    over = threading.Event()
    if is_first_process():
        os.environ[_FIRST] = str(os.getpid())  # those that Lightning starts inherit it
    elif _FIRST in os.environ:
        threading.Thread(target=_look_after, args=(int(os.environ[_FIRST]), over, run_dir), daemon=True).start()
    try:
        yield
    except RuntimeError as error:
        if not lost_a_process(error):
            raise
        raise TrainingError(_message(run_dir)) from error
    finally:
        over.set()


def lost_a_process(error: RuntimeError) -> bool:
    """Whether an error says that other processes can no longer be reached: gloo has no kind of its own for it."""
    together = torch.distributed.is_available() and torch.distributed.is_initialized()  # else none was there as yet
    return together and (isinstance(error, torch.distributed.DistError) or "gloo/transport" in str(error))


def _look_after(first: int, over: threading.Event, run_dir: Path) -> None:
    """End this process if the one that started it is gone, and it does not notice by itself."""
    while not over.wait(_LOOK):
        if os.getppid() != first and not over.wait(_PATIENCE):
            os.write(_STDERR, f"{_message(run_dir)}\n".encode())
            os._exit(1)


def _message(run_dir: Path) -> str:
    reason = "another process of this run has ended or does not answer; what it said stands above"
    return f"{reason}\n{how_to_go_on(run_dir)}"
