"""What runs need that have processes of their own, side by side: lines that can be told apart, and an end.

How many threads each has is settled by joblib, which gives each an equal part of the cores (OMP_NUM_THREADS).
"""

import io
import logging
import os
import sys
import threading
import time
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from typing import Any, TextIO

import psutil
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

_SECONDS = 1.0  # between two looks at whether the program still runs
_KILLED = 137


class MarkedLines(io.TextIOBase):
    r"""Writes lines whole and with a mark before each, so that several processes can share a screen.

    A part of a line waits for its end.

    Args:
        stream: Where the lines go.
        mark: What stands before each.

    Example:
        >>> text = io.StringIO()
        >>> lines = MarkedLines(text, "3: ")
        >>> lines.write("wave 1/2"), lines.write("  layer 1/9\nwave")
        (8, 16)
        >>> text.getvalue()
        '3: wave 1/2  layer 1/9\n'
    """

    def __init__(self, stream: TextIO, mark: str) -> None:
        self._stream, self._mark, self._begun = stream, mark, ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute there
        """That of the stream."""
        return self._stream.encoding or "utf-8"

    def writable(self) -> bool:
        """Whether it can be written to: yes."""
        return True

    def write(self, text: str) -> int:
        """Write what is complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        if lines:
            self._stream.write("".join(f"{self._mark}{line}\n" for line in lines))
            self._stream.flush()
        return len(text)

    def finish(self) -> None:
        """Write what was begun and has no end."""
        if self._begun:
            self.write("\n")


class ParallelJob(Callback):
    """Hears from Hydra when a run begins and ends; conf/hydra/default.yaml names this class.

    Where the run has the process of the program itself, nothing is done.
    """

    def __init__(self) -> None:
        self._program: int | None = None
        self._redirected = ExitStack()

    def __getstate__(self) -> dict[str, Any]:
        return {"_program": self._program}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]  # of this class: none is derived from it
        self._program = state["_program"]

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Remember the program's process, and take that with me to where the runs are."""
        self._program = os.getpid()

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Mark the run's lines with its number, and let it end if the program is no more.

        Submitit's local mode has a process in between, which writes the lines into a file.
        """
        if self._program is None or self._program not in _started_by():
            return
        _end_with(self._program)
        if os.getppid() != self._program:
            return
        self._redirected = ExitStack()
        for stream, redirect in ((sys.stdout, redirect_stdout), (sys.stderr, redirect_stderr)):
            marked = MarkedLines(stream, f"{config.hydra.job.num}: ")
            self._redirected.callback(marked.finish)
            self._redirected.enter_context(redirect(marked))
            for handler in logging.getLogger().handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is stream:
                    handler.setStream(marked)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        """Give the streams back for the next run of this process."""
        self._redirected.close()


_watched: set[int] = set()


def _started_by() -> tuple[int, ...]:
    """Give the numbers of the process that has started this one, and of that which started it."""
    parent = os.getppid()
    try:
        return parent, psutil.Process(parent).ppid()
    except psutil.Error:  # it ends just now
        return (parent,)


def _end_with(program: int) -> None:
    """End this process as soon as the program that started it is gone, killed perhaps.

    Left alone it would train on, and meet the run that the next start of the program puts into the same folder.
    """
    if program in _watched:
        return
    _watched.add(program)

    def watch() -> None:
        while program in _started_by():
            time.sleep(_SECONDS)
        os._exit(_KILLED)

    threading.Thread(target=watch, name="end with the program", daemon=True).start()
