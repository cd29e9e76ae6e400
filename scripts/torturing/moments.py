"""When a training is killed: at any time, or in the moments in which most can go wrong."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from torturing.victims import Victim

_PATIENCE = 60.0  # seconds; a training that gets no further by then is struck anyway
_LONGEST = 4.0  # seconds that a training is left alone; most of a short one's life, with its start
_WATCHING = 0.0003  # seconds between two looks

Moment = Callable[[Victim, Path, Random], None]
"""Waits for the moment, or for the training's end if that comes first."""


def any_time(victim: Victim, folder: Path, random: Random) -> None:  # noqa: ARG001 - as all moments
    """Wait for a while."""
    _until(victim, time.monotonic() + random.uniform(0, _LONGEST))


def while_a_file_is_written(victim: Victim, folder: Path, random: Random) -> None:
    """Wait until some file of the run, most often a checkpoint, has been begun and is not in its place yet."""
    seen, wanted, deadline = 0, random.randint(1, 6), time.monotonic() + _PATIENCE
    was_there = False
    while seen < wanted and not victim.ended() and time.monotonic() < deadline:
        is_there = _is_writing(folder)
        seen += is_there and not was_there
        was_there = is_there
        time.sleep(_WATCHING)


def while_the_front_rolls(victim: Victim, folder: Path, random: Random) -> None:
    """Wait for the end of an epoch, after whose checkpoint the next layer's front is made."""
    checkpoint, deadline = folder / "checkpoints" / "last.ckpt", time.monotonic() + _PATIENCE
    for _ in range(random.randint(1, 3)):
        stored = _time_of(checkpoint)
        while _time_of(checkpoint) == stored and not victim.ended() and time.monotonic() < deadline:
            time.sleep(_WATCHING)
    _until(victim, time.monotonic() + random.uniform(0, 0.05))


MOMENTS: dict[str, Moment] = {
    "any time": any_time,
    "a file is written": while_a_file_is_written,
    "the front rolls": while_the_front_rolls,
}


def _until(victim: Victim, end: float) -> None:
    while time.monotonic() < end and not victim.ended():
        time.sleep(_WATCHING)


def _is_writing(folder: Path) -> bool:
    for place in (folder, folder / "checkpoints", folder / "layers"):
        with contextlib.suppress(FileNotFoundError):
            if any(entry.name.endswith(".partial") for entry in os.scandir(place)):
                return True
    return False


def _time_of(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
