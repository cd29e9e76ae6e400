"""What the benchmark shows and writes."""

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

from measured import ROWS, results, sample
from rich.console import Console

from benchmarking.plots import LINES, PLOTS, draw_plots
from benchmarking.report import benchmark_report
from benchmarking.tables import show_results, show_targets, show_troubles
from benchmarking.targets import all_targets

DEPTHS = {4, 8, 16, 32, 64}


def shown(*renderables: object) -> str:
    written = StringIO()
    Console(width=160, file=written).print(*renderables)
    return written.getvalue()


def test_the_table_gives_medians_with_their_range_and_ratios() -> None:
    name = "speed/vgg11/wave-pool-memory"
    samples = [sample(name, repeat, seconds=seconds) for repeat, seconds in enumerate([2.0, 3.0, 2.5])]
    samples += [sample("speed/vgg11/lwtrain-backprop", repeat, seconds=5.0, peak_mib=400) for repeat in range(3)]
    tables = shown(*show_results(results(*samples)))
    (line,) = [line for line in tables.splitlines() if "vgg11 wave-pool-memory" in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[1:5] == ["1,000", "2.5 (2-3)", "3,600 (3,000-4,500)", "100"]
    assert cells[-2:] == ["0.50", "0.25"]


def test_rows_that_failed_say_so() -> None:
    failed = sample("speed/vgg11/wave-c-disk")
    failed = type(failed)(failed.row, 0, "a machine", error="ValueError: no space")
    measured = results(failed)
    (line,) = [line for line in shown(*show_results(measured)).splitlines() if "vgg11 wave-c-disk" in line]
    assert "failed" in line
    assert list(show_troubles(measured)) == ["speed/vgg11/wave-c-disk: ValueError: no space"]


def test_a_machine_that_was_not_quiet_is_not_passed_over() -> None:
    name = "speed/vgg11/wave-c-disk"
    assert list(show_troubles(results(sample(name, others=0.04)))) == []
    (trouble,) = show_troubles(results(sample(name, others=0.04), sample(name, 1, others=0.5)))
    assert "in 1 of 2 measurements" in trouble
    assert "50% at most" in trouble


def test_targets_are_shown_that_were_measured() -> None:
    names = ("speed/vgg11/wave-c-disk", "speed/vgg11/wave-c-memory")
    targets = all_targets(results(sample(names[0], seconds=1.4), sample(names[1], seconds=1.0)))
    table = shown(show_targets(targets))
    assert "disk over memory" in table
    assert "1.40" in table
    assert "missed" in table
    assert "reached" not in table
    assert f"{len(targets) - 1} not measured" in table


def test_the_report_holds_machine_command_and_every_sample() -> None:
    measured = results(*(sample(name, repeat, seconds=1.0 + repeat) for name in ROWS for repeat in range(2)))
    report = json.loads(json.dumps(benchmark_report(measured, all_targets(measured), "python scripts/benchmark.py")))
    assert {"cpu", "cores", "torch"} <= report["machine"].keys()
    assert report["command"] == "python scripts/benchmark.py"
    assert len(report["rows"]) == len(ROWS)
    (wave,) = [row for row in report["rows"] if row["name"] == "speed/vgg11/wave-pool-memory"]
    assert wave["milliseconds_per_image"] == {"median": 1.5, "lowest": 1.0, "highest": 2.0}
    assert [taken["seconds"] for taken in wave["samples"]] == [1.0, 2.0]
    assert wave["ratios"]["time / backprop bf16"] == {"median": 1.0, "lowest": 1.0, "highest": 1.0}
    assert wave["settings"]["batch_size"] == 128
    assert {target["verdict"] for target in report["targets"]} <= {"reached", "missed"}


def test_plots_name_every_line_and_label_their_axes(tmp_path: Path) -> None:
    measured = results(*(sample(name) for name in ROWS))
    written = draw_plots(measured, tmp_path)
    assert [path.name for path in written] == list(PLOTS) == ["benchmark_memory.svg", "benchmark_time.svg"]
    for path, unit in zip(written, ("(MiB)", "(ms)"), strict=True):
        drawing = path.read_text()
        assert ElementTree.fromstring(drawing).tag.endswith("svg")
        for label, colour, _ in LINES.values():
            assert label in drawing  # matplotlib writes texts into comments too
            assert colour.lower() in drawing or colour == "#000000"
        assert unit in drawing
        assert "layers" in drawing
        assert "</dc:date>" not in drawing


def test_plots_of_the_same_figures_are_the_same_files(tmp_path: Path) -> None:
    measured = results(*(sample(f"depth/{depth}/wave-pool-disk", peak_mib=depth) for depth in DEPTHS))
    drawn = []
    for name in ("one", "again"):
        (tmp_path / name).mkdir()
        drawn.append([path.read_bytes() for path in draw_plots(measured, tmp_path / name)])
    assert drawn[0] == drawn[1]


def test_without_rows_about_depth_nothing_is_drawn(tmp_path: Path) -> None:
    assert draw_plots(results(sample("speed/vgg11/wave-c-disk")), tmp_path) == []
    assert list(tmp_path.iterdir()) == []
