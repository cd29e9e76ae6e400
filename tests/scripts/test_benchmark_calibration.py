"""What a machine gives, found from what visits took."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_benchmark_command import run

from benchmarking.calibrating import calibrating_rows, calibration_report, foretell, foretold_rows
from benchmarking.epoch_times import Watched
from benchmarking.fitting import fit_machine, visits_of
from benchmarking.foretold import Foretold, show_foretold
from benchmarking.row import Row
from lwtrain.scaling.cost import LayerCost, Work
from lwtrain.scaling.machine import Machine, Rate
from lwtrain.scaling.one_device import visit

TRUE = Machine(
    learning=Rate(4e10, 9e9),
    resting=Rate(6e10, 8e9),
    updating=1e9,
    memory=8e9,
    disk=2e9,
    network=1e9,
    step_seconds=3e-3,
    epoch_seconds=1e-2,
    layer_seconds=5e-3,
    augmentation=4e-5,
)
COSTS = [
    LayerCost("layer_0", Work(1e7, 9e5), 7e4, Work(2e6, 4e5), 10_000, 3_072),
    LayerCost("layer_1", Work(2e7, 5e5), 2e5, Work(9e6, 2e5), 40_000, 65_536),
    LayerCost("layer_2", Work(3e7, 2e5), 9e5, Work(9e6, 3e5), 600_000, 32_768),
    LayerCost("head", Work(1e6, 3e4), 9e6, Work(3e5, 1e4), 2_000_000, 4_096),
]


def _visits(row: Row) -> list[dict[str, float]]:
    """Give what each visit of a row takes on that machine, by the parts that a stopwatch knows."""
    machine = TRUE if row.augmentation else replace(TRUE, augmentation=0.0)
    parts = []
    for layer in range(len(COSTS)):
        seconds = visit(COSTS, layer, machine, row.images, row.batch_size, row.front)  # type: ignore[arg-type]
        loop = 3e-3 * (row.images // row.batch_size)
        parts.append(
            {
                "data": seconds.data + loop / 4,
                "front": seconds.rolling + seconds.moving + loop / 4,
                "loss": seconds.learning,
                "step": seconds.stepping - 1e-2 - loop + loop / 4,
                "rest": 1e-2 + loop / 4,
            }
        )
    return parts


def test_a_machine_is_found_from_what_its_visits_took() -> None:
    visits = [visit for row in calibrating_rows() for visit in visits_of(row, COSTS, [_visits(row)] * 3)]
    found = fit_machine(visits, network=1e9)
    assert found.learning == pytest.approx(TRUE.learning, rel=1e-3)
    assert found.resting == pytest.approx(TRUE.resting, rel=1e-3)
    for name in ("updating", "memory", "disk", "step_seconds", "epoch_seconds", "layer_seconds", "augmentation"):
        assert getattr(found, name) == pytest.approx(getattr(TRUE, name), rel=1e-3), name


def test_medians_count() -> None:
    (row, *_) = calibrating_rows()
    slow = [{part: 100 * seconds for part, seconds in parts.items()} for parts in _visits(row)]
    assert visits_of(row, COSTS, [_visits(row), slow, _visits(row)])[0].seconds == pytest.approx(_visits(row)[0])


def test_what_is_foretold_had_no_part_in_the_numbers() -> None:
    def kinds(rows: list[Row]) -> set[Row]:
        return {replace(row, group="", images=0, augmentation=None) for row in rows}

    assert not kinds(list(calibrating_rows())) & kinds(list(foretold_rows()))


def test_a_row_without_augmentation_is_foretold_none() -> None:
    row, *_ = (row for row in calibrating_rows() if row.augmentation)
    without = foretell(replace(row, augmentation=None), COSTS, TRUE)
    assert foretell(row, COSTS, TRUE) - without == pytest.approx(row.images * TRUE.augmentation)


def test_a_report_is_read_back() -> None:
    row, *_ = foretold_rows()
    foretold = Foretold(row, predicted=1.2, measured=1.0)
    report = json.loads(json.dumps(calibration_report(TRUE, [foretold], "command")))
    assert Machine.from_json(report["rates"]) == TRUE
    assert [Foretold.from_json(each) for each in report["foretold"]] == [foretold]
    assert report["foretold"][0]["error"] == pytest.approx(0.2)
    assert show_foretold([foretold]).row_count == 1


def test_epochs_are_timed_part_by_part(tmp_path: Path) -> None:
    row = Row("test", "tiny", "plain_2", "wave", "pool", "memory", "fp32", batch_size=10, images=20, width=1 / 16)
    epochs = Watched(row, tmp_path).train()
    assert len(epochs) == 3
    assert all(parts["loss"] > 0 and parts["front"] > 0 for parts in epochs)
    assert sum(map(sum, (parts.values() for parts in epochs))) < 60


def test_help_names_it() -> None:
    assert "--calibrate" in run("--help").stdout
