"""A training in a process of its own, begun where the libraries are loaded already, so that kills hit the training."""

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from lwtrain.cli import main

_BY_MISTAKE = 70  # exit code of a process that did not even get as far as the command line


class Victim:
    """`python train.py WORDS`, whose output goes to a log.

    The process is forked, which is sound as long as the one that forks has computed nothing: torch's threads would be
    missing in the child.

    Args:
        words: Of the command line.
        log: Grows by what the process says.
    """

    def __init__(self, words: Sequence[str], log: Path) -> None:
        self.log = log
        self._code: int | None = None
        sys.stdout.flush()
        self._process = os.fork()
        if self._process == 0:
            self._become(words)

    def _become(self, words: Sequence[str]) -> None:
        code: object = _BY_MISTAKE
        try:
            file = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(file, 1)
            os.dup2(file, 2)
            sys.argv = ["train.py", *words]
            main(words)
            code = 0
        except SystemExit as end:
            code = end.code if end.code is not None else 0
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else _BY_MISTAKE)

    def ended(self) -> bool:
        """Whether it is over."""
        if self._code is None:
            process, status = os.waitpid(self._process, os.WNOHANG)
            if process:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code is not None

    def wait(self) -> int:
        """Give its exit code when it is over; a signal's number is negative."""
        while not self.ended():
            time.sleep(0.005)
        assert self._code is not None
        return self._code

    def strike(self, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send it a signal, and say whether it still lived to feel it."""
        if not self.ended():
            os.kill(self._process, number)
            return True
        return False

    def last_words(self, number: int = 8) -> str:
        """Give what it said last."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-number:])
