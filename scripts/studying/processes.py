"""Training in a process of its own, so that no run leaves anything behind for the next."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
_INTERRUPTED = (130, 143)  # exit codes of a run that was stopped by Ctrl-C or SIGTERM


@contextmanager
def alone(log: Path) -> Iterator[IO[bytes]]:
    """Open the log of a training, and wait for the process that may still write to it.

    A training outlives a study that is killed. Its log stays locked as long as it runs, since it has inherited it, so a
    study that is started again never trains the same beside it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for the process that still trains this: {log}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def train(words: Sequence[str], log: IO[bytes]) -> bool:
    """Run `python train.py ...`, and say whether it came to its end.

    Raises:
        KeyboardInterrupt: If it was stopped by Ctrl-C.
    """
    process = subprocess.Popen([sys.executable, "train.py", *words], stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)
    try:
        code = process.wait()
    except KeyboardInterrupt:  # which the training has got, too
        process.wait()
        raise
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if code in _INTERRUPTED:
        raise KeyboardInterrupt
    return code == 0


def last_lines(log: Path, number: int = 5) -> list[str]:
    """Give what a process said last, without empty lines."""
    lines = log.read_text(errors="replace").splitlines()
    return [line for line in lines if line.strip()][-number:]
