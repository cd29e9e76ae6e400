"""scripts/long_run.py in short."""

from pathlib import Path

import pytest

from long_run import MIB, Reading, grown, run


def test_nothing_grows_from_visit_to_visit(tmp_path: Path) -> None:
    readings = run(120, tmp_path)
    assert len(readings) == 120
    assert grown(readings) == []
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"last.ckpt", "best.ckpt"}
    assert not list(tmp_path.rglob("*.partial"))


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
