"""docs/promises.md names tests; they have to be there."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
PAGE = (CHECKOUT / "docs" / "promises.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| **")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[4:40])
def test_the_tests_that_hold_a_promise_exist(row: str) -> None:
    held_by = row.rstrip("| ").rpartition(" | ")[2]
    files = re.findall(r"`((?:tests|scripts)/[\w/]+\.py)`", held_by)
    assert files
    assert all((CHECKOUT / file).is_file() for file in files), files
    text = "".join((CHECKOUT / file).read_text() for file in files)
    for name in re.findall(r"`(test_\w+)`", held_by):
        assert f"def {name}(" in text, name


def test_all_promises_are_looked_at() -> None:
    assert len(ROWS) >= 15
