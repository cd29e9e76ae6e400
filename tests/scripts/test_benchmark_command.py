"""scripts/benchmark.py as a command."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from measured import sample

import benchmark
from benchmarking.judge import SCRIPT
from benchmarking.row import Row
from benchmarking.sample import Sample


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True)


def test_a_child_prints_what_it_measured_as_one_line_of_json(tmp_path: Path) -> None:
    row = Row("test", "tiny", "plain_2", "backprop", batch_size=10, images=20, width=1 / 16)
    child = run("--child", json.dumps({"row": asdict(row), "repeat": 2, "folder": str(tmp_path)}))
    assert child.returncode == 0, child.stderr
    (line,) = child.stdout.splitlines()
    measured = Sample.from_json(line)
    assert (measured.row, measured.repeat, measured.layers, measured.error) == (row, 2, 3, None)
    assert 0 < measured.seconds < 60
    assert 0 <= measured.peak_mib < 1000
    assert measured.operations == 20 * 458_496


def test_the_rows_are_listed_without_torch() -> None:
    program = f"import sys; sys.argv[0] = {str(SCRIPT)!r}; sys.path.insert(0, {str(SCRIPT.parent)!r}); import benchmark"
    listed = subprocess.run(
        [sys.executable, "-c", f"{program}; benchmark.main(['--list']); assert 'torch' not in sys.modules"],
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0, listed.stderr
    assert "speed/vgg11/wave-c-disk" in listed.stdout.splitlines()


def test_a_part_of_a_name_that_no_row_has_is_refused() -> None:
    refused = run("--rows", "vgg12")
    assert refused.returncode == 1
    assert "--rows vgg12: no row's name contains that" in refused.stderr


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the rows that are measured; nothing is trained."""
    names: list[str] = []

    def measure(row: Row, repeat: int, folder: Path) -> Sample:
        names.append(row.name)
        return replace(sample(row, repeat), machine=benchmark_machine())

    monkeypatch.setattr(benchmark, "measure_in_a_process", measure)
    return names


def benchmark_machine() -> str:
    from lwtrain.machine import machine_name

    return machine_name()


def test_the_command_writes_samples_report_and_plots(
    asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--rows", "depth/4/simul", "depth/4/lwtrain", "--repeat", "2", "--images", "600", "--out", str(tmp_path)]
    benchmark.main(words)
    assert asked == ["depth/4/lwtrain-backprop", "depth/4/simultaneous-pool-recompute"] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "benchmark.json",
        "benchmark_memory.svg",
        "benchmark_time.svg",
        "samples.jsonl",
    ]
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert [len(row["samples"]) for row in report["rows"]] == [2, 2]
    assert report["rows"][0]["settings"]["images"] == 256
    assert report["command"].endswith(f"--images 600 --out {tmp_path}")
    assert "simultaneous-pool-recompute" in capsys.readouterr().out


def test_samples_are_used_again_unless_they_are_to_be_fresh(asked: list[str], tmp_path: Path) -> None:
    words = ["--rows", "depth/4/simul", "--repeat", "1", "--out", str(tmp_path)]
    benchmark.main(words)
    benchmark.main(words)
    assert len(asked) == 1
    benchmark.main([*words, "--fresh"])
    assert len(asked) == 2


def test_a_quick_run_has_one_round_of_few_images(asked: list[str], tmp_path: Path) -> None:
    benchmark.main(["--quick", "--out", str(tmp_path)])
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert len(asked) == len(set(asked)) == len(report["rows"])
    assert max(row["settings"]["images"] for row in report["rows"]) == 512
