"""The rows, and the front that many images need."""

import pytest

from benchmarking.groups import all_rows, fronts_mib
from benchmarking.row import Row


@pytest.mark.parametrize("quick", [False, True])
def test_every_row_has_a_name_of_its_own(quick: bool) -> None:
    rows = all_rows(images=1000, memory_budget=100, quick=quick)
    assert len({row.name for row in rows}) == len(rows) > 10


def test_a_quick_run_is_short() -> None:
    rows = all_rows(images=512, memory_budget=100, quick=True)
    assert len(rows) <= 15
    assert max(row.images for row in rows) == 512
    assert {row.group for row in rows} == {"peak", "speed", "memory", "depth"}


def test_the_seed_and_the_data_reach_the_rows() -> None:
    rows = all_rows(images=1000, memory_budget=100, seed=3, data_dir="data")
    assert {row.seed for row in rows} == {3}
    assert {row.group for row in rows if row.data_dir is None} == {"images"}


def test_what_a_front_takes_is_known_before_it_is_made() -> None:
    """Images: 3 x 32 x 32 bytes. Layer 0 of a quarter VGG-11: 16 x 16 x 16 in bfloat16; layer 1: 32 x 8 x 8."""
    row = Row("images", "1024", "vgg11", "wave", "pool", images=1024, width=0.25)
    assert fronts_mib(row) == (16 * 16 * 16 * 2 + 32 * 8 * 8 * 2) / 1024


@pytest.mark.parametrize(("budget", "on_disk"), [(1e9, []), (600.0, [100_000, 200_000]), (1.0, [5_000])])
def test_fronts_beyond_the_budget_lie_on_disk(budget: float, on_disk: list[int]) -> None:
    rows = [row for row in all_rows(images=1000, memory_budget=budget) if row.group == "images"]
    assert [row.images for row in rows if row.front == "disk"][: max(1, len(on_disk))] == on_disk
    assert {row.front for row in rows} <= {"memory", "disk"}
