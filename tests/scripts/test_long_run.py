"""scripts/long_run.py in short."""

import subprocess
import sys
from pathlib import Path

import pytest

from long_run import MIB, Reading, grown

SCRIPT = Path(__file__).parents[2] / "scripts" / "long_run.py"


def test_nothing_grows_from_visit_to_visit() -> None:
    # In a process of its own: what earlier tests have freed lies in holes, and memory that fills them moves by itself.
    told = subprocess.run([sys.executable, SCRIPT, "--visits", "120"], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.splitlines()[-1].startswith("120 visits in ")
    assert told.stdout.endswith("; checkpoints: best.ckpt, last.ckpt\n")


STEADY = [Reading(100 * MIB, 9, 4)] * 50


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (Reading(103 * MIB, 9, 4), ["memory: from 100.0 to 103.0 MiB"]),
        (Reading(101 * MIB, 9, 4), []),
        (Reading(90 * MIB, 10, 6), ["files: from 9 to 10", "threads: from 4 to 6"]),
    ],
)
def test_what_grows_is_told(late: Reading, told: list[str]) -> None:
    assert grown([*STEADY, *[late] * 50]) == told


def test_the_beginning_does_not_count() -> None:
    assert grown([Reading(10 * MIB, 3, 1)] * 5 + STEADY[5:]) == []


def test_a_file_that_is_open_for_a_moment_is_not_growth() -> None:
    assert grown([*STEADY, *STEADY[:-3], *[Reading(100 * MIB, 10, 4)] * 3]) == []
