"""Whether the machine had anything else to do."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarking import quietness
from benchmarking.quietness import Quietness

BUSY = "import time; end = time.process_time() + {}\nwhile time.process_time() < end: pass"


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the system says of all cores: so far, 100 seconds of work."""
    stat = tmp_path / "stat"
    stat.write_text("cpu  7000 500 1500 99999 99999 200 300 500 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    monkeypatch.setattr(quietness, "_STAT", stat)
    monkeypatch.setattr(quietness, "num_cores", lambda: 2)
    monkeypatch.setattr(quietness.os, "sysconf", lambda name: 100)
    return stat


def test_work_of_others_counts_and_waiting_does_not(others: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(quietness.time, "monotonic", lambda: now)
    watch = Quietness()
    # 10 seconds later the cores have worked for 5, of the 20 that the two had
    others.write_text("cpu  7400 500 1500 100999 100099 200 300 600 0 0\n")
    monkeypatch.setattr(quietness.time, "monotonic", lambda: now + 10)
    assert watch.taken_by_others() == pytest.approx(0.25, abs=0.01)


def test_work_of_processes_that_this_one_started_does_not_count(others: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Quietness()
    subprocess.run([sys.executable, "-c", BUSY.format(0.3)], check=True)
    own = quietness._own_seconds()
    assert watch._own + 0.3 <= own < watch._own + 5
    others.write_text(f"cpu  {7000 + round(100 * (own - watch._own))} 500 1500 0 0 200 300 500 0 0\n")
    assert watch.taken_by_others() < 0.1


def test_where_the_system_does_not_tell_nobody_is_blamed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(quietness, "_STAT", tmp_path / "none")
    assert Quietness().taken_by_others() == 0.0
