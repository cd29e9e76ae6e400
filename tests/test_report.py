import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lwtrain.report import accuracy_table, show_report, write_metrics

NAMES = ["layer_0", "layer_1", "head"]
METRICS = {
    "layer_0/train/accuracy": 0.5,
    "layer_0/val/accuracy": 0.61234,
    "layer_1/val/accuracy": 0.7,
    "head/train/accuracy": 0.875,
    "head/val/accuracy": 0.75,
    "head/train/loss": 1.5,
    "vote/val/accuracy": 0.8,
    "seconds": 131.4,
    "seconds_by_part": {"data": 13.14, "front": 26.28, "loss": 91.98, "rest": 0.0},
    "layer_images_per_second": 1234.5,
    "peak_memory_mib": 2048.4,
}


def shown(metrics: dict[str, Any], run_dir: Path = Path("/somewhere/run")) -> str:
    console = Console(file=io.StringIO(), width=100, highlight=False, soft_wrap=True)
    show_report(metrics, NAMES, run_dir, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.strip(" │┃").startswith(name))
    return [cell.strip() for cell in line.strip().strip("│┃").split("│")]


def test_every_layer_and_the_vote_have_a_row() -> None:
    text = shown(METRICS)
    assert cells(text, "layer_0") == ["layer_0", "50.00%", "61.23%"]
    assert cells(text, "layer_1") == ["layer_1", "", "70.00%"]
    assert cells(text, "head") == ["head", "87.50%", "75.00%"]
    assert cells(text, "vote") == ["vote", "", "80.00%"]


def test_test_accuracies_have_a_column_where_there_are_any() -> None:
    assert "test accuracy" not in shown(METRICS)
    tested = METRICS | {"vote/test/accuracy": 0.79, "head/test/accuracy": 0.74}
    assert cells(shown(tested), "vote") == ["vote", "", "80.00%", "79.00%"]
    assert cells(shown(tested), "head") == ["head", "87.50%", "75.00%", "74.00%"]


def test_layers_without_figures_have_no_row() -> None:
    backprop = {tag: value for tag, value in METRICS.items() if not tag.startswith("layer_") or "per_second" in tag}
    assert accuracy_table(backprop, NAMES).row_count == 2


def test_the_cost_and_the_next_step_are_named() -> None:
    text = shown(METRICS)
    assert "time         2 min 11 s: loss 70 %, front 20 %, data 10 %\n" in text
    assert "1,234 layer-images/s" in text
    assert "2,048 MiB" in text
    assert "/somewhere/run" in text
    assert "tensorboard --logdir" in text


def test_an_autoencoders_own_error_is_told() -> None:
    assert "reconstruction" not in shown(METRICS)
    copying = METRICS | {"val/reconstruction": 0.012944}
    assert "reconstruction  val 0.0129 (squared error of whole images)\n" in shown(copying)
    assert "val 0.0129, test 0.0135 (squared" in shown(copying | {"test/reconstruction": 0.01347})


def test_a_run_that_had_nothing_to_train_has_no_parts() -> None:
    nothing = METRICS | {"seconds": 0.0, "seconds_by_part": {"data": 0.0, "loss": 0.0}}
    assert "time         0 min 0 s\n" in shown(nothing)


def test_tensorboard_is_pointed_at_all_runs_in_outputs(tmp_path: Path) -> None:
    assert "tensorboard --logdir /home/me/outputs\n" in shown(METRICS, Path("/home/me/outputs/2026-01-01/12-00-00"))
    spaced = shown(METRICS, Path("/home/me/my files/outputs/2026-01-01/12-00-00"))
    assert "tensorboard --logdir '/home/me/my files/outputs'\n" in spaced  # a command is to be copied as it stands


def test_metrics_are_written_as_json(tmp_path: Path) -> None:
    metrics = METRICS | {"config": {"seed": 0, "labels": "all"}}
    path = write_metrics(metrics, tmp_path)
    assert path == tmp_path / "metrics.json"
    assert json.loads(path.read_text()) == metrics
    assert [file.name for file in tmp_path.iterdir()] == ["metrics.json"]


def test_metrics_that_cannot_be_written_leave_the_old_ones(tmp_path: Path) -> None:
    write_metrics({"seconds": 1.0}, tmp_path)
    with pytest.raises(TypeError):
        write_metrics({"seconds": object()}, tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"seconds": 1.0}
