"""docs/scaling.md says what the cost model says."""

import json

import pytest

import scaling
from planning.imagenet import costs_of, weight_bytes
from planning.tables import MEASURED, tables


def test_the_page_is_up_to_date() -> None:
    text = scaling.PAGE.read_text(encoding="utf-8")
    assert scaling.with_tables(text, tables()) == text, "run python scripts/scaling.py"


def test_published_sizes_come_out() -> None:
    assert weight_bytes("ResNet-50") == 4 * 25_557_032  # torchvision's own figure
    # 4.09 GFLOP by the same table, with a multiplication and an addition as one; the blocks and the head together
    assert sum(cost.resting.operations for cost in costs_of("ResNet-50")) / 2e9 == pytest.approx(4.09, abs=0.01)
    assert len(costs_of("VGG-16")) == 14


def test_what_was_foretold_is_within_a_quarter() -> None:
    foretold = json.loads(MEASURED.read_text())["foretold"]
    assert len(foretold) == 8
    assert all(abs(each["error"]) <= 0.25 for each in foretold)


def test_a_table_without_its_mark_is_noticed() -> None:
    with pytest.raises(AssertionError, match="b"):
        scaling.with_tables("<!-- table: a -->\n", {"a": "", "b": ""})
