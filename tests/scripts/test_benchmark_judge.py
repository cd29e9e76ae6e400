"""Who is measured when, and what becomes of failures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarking.judge import judge, measure_in_a_process
from benchmarking.row import Row
from benchmarking.sample import Sample, SampleFile
from lwtrain.machine import machine_name

ROWS = [Row("speed", "a", "vgg11", "backprop"), Row("speed", "b", "vgg11", "backprop")]


@pytest.fixture
def file(tmp_path: Path) -> SampleFile:
    return SampleFile(tmp_path / "samples.jsonl")


def carry_out(
    file: SampleFile, rows: list[Row] = ROWS, measure: Callable[[Row, int], Sample] | None = None, repeats: int = 2
) -> tuple[list[Sample], list[tuple[str, int]]]:
    """Give the samples, and what was measured for them."""
    asked: list[tuple[str, int]] = []

    def measured(row: Row, repeat: int) -> Sample:
        asked.append((row.case, repeat))
        return measure(row, repeat) if measure else Sample(row, repeat, machine_name(), seconds=1.0, layers=2)

    return judge(rows, repeats, file, measured, lambda place, sample: None), asked


def test_rows_take_turns(file: SampleFile) -> None:
    samples, asked = carry_out(file)
    assert asked == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert [(sample.row.case, sample.repeat) for sample in samples] == asked


def test_a_stopped_benchmark_goes_on_where_it_was(file: SampleFile) -> None:
    first, _ = carry_out(file, repeats=1)
    samples, asked = carry_out(file)
    assert asked == [("a", 1), ("b", 1)]
    assert samples[:2] == first


def test_a_line_that_was_cut_off_is_measured_again(file: SampleFile, tmp_path: Path) -> None:
    carry_out(file)
    path = tmp_path / "samples.jsonl"
    path.write_text(path.read_text()[:-20])
    assert carry_out(file)[1] == [("b", 1)]
    assert carry_out(file)[1] == []


def test_other_settings_and_other_machines_are_measured_anew(file: SampleFile) -> None:
    file.add(Sample(ROWS[0], 0, "another machine", seconds=9.0))
    samples, asked = carry_out(file, repeats=1)
    assert asked == [("a", 0), ("b", 0)]
    assert samples[0].seconds == 1.0
    _, asked = carry_out(file, [replace(ROWS[0], images=99), ROWS[1]], repeats=1)
    assert asked == [("a", 0)]


def test_what_failed_is_tried_again(file: SampleFile) -> None:
    failed, _ = carry_out(file, measure=lambda row, repeat: Sample(row, repeat, machine_name(), error="no"), repeats=1)
    assert [sample.error for sample in failed] == ["no", "no"]
    samples, asked = carry_out(file, repeats=1)
    assert asked == [("a", 0), ("b", 0)]
    assert [sample.error for sample in samples] == [None, None]


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    sample = measure_in_a_process(replace(ROWS[0], network="vgg12"), 3, tmp_path)
    assert sample.repeat == 3
    assert sample.error == "KeyError: 'vgg12'"


def test_a_process_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    assert measure_in_a_process(ROWS[0], 0, tmp_path, longest=0.1).error == "took more than 0 s"
