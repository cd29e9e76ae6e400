"""Whether a machine had anything else to do: on a few cores, a second busy process can make a row ten times slower."""

import os
import resource
import time
from pathlib import Path

from lwtrain.machine import num_cores

DISTURBED = 0.05  # of the cores' time

_STAT = Path("/proc/stat")


class Quietness:
    """Watches, from when it is made, what processes take that this one has not started."""

    def __init__(self) -> None:
        self._started, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()

    def taken_by_others(self) -> float:
        """Give the share of the cores' time since then; 0 where the system does not tell. Ended processes count."""
        if self._busy is None or (busy := _busy_seconds()) is None:
            return 0.0
        others = (busy - self._busy) - (_own_seconds() - self._own)
        return max(0.0, others / ((time.monotonic() - self._started) * num_cores()))


def _busy_seconds() -> float | None:
    """Give the seconds that all cores together have worked, or were kept by a host from working, since the start."""
    if not _STAT.exists():
        return None
    user, nice, system, _idle, _waiting, *interrupted = map(int, _STAT.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupted)) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Give the processor's time that this process and those that it started and that have ended have taken."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
