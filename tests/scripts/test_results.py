"""What is kept of runs, and the page that is made of it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lwtrain.errors import DataError
from lwtrain.learning_curve import learning_curve
from tabulating.markdown import write_markdown
from tabulating.record import check_record, record, why_cut_short
from tabulating.rows import ResultRow, gather

SCRIPT = Path(__file__).parents[2] / "scripts" / "results.py"


def result(seed: int = 0, vote: float = 0.8, **changes: Any) -> dict[str, Any]:
    config = {"seed": seed, "labels": "all", "dataset": {"name": "cifar10", "classes": None}, "batch_size": 128}
    return {
        "command": f"python train.py dataset=cifar10 seed={seed}",
        "revision": "abc",
        "machine": {"cpu": "a chip", "cores": 2},
        "config": config,
        "seconds": 60.0 + seed,
        "peak_memory_mib": 1500,
        "epochs": {"trained": 2, "scheduled": 2},
        "cut_short": [],
        "accuracy": {
            "val": {"layer_0": 0.9, "layer_1": 0.5, "vote": vote},
            "test": {"layer_0": 0.6, "layer_1": 0.7, "head": 0.75, "vote": vote},
        },
        "curve": [],
        **changes,
    }


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True, check=False)


def cells_of(page: str, words: str) -> list[str]:
    (line,) = [line for line in page.splitlines() if f"`{words}`" in line]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_seeds_of_one_experiment_share_a_row() -> None:
    rows = gather([result(seed=1, vote=0.84), result(seed=0, vote=0.80)])
    cells = cells_of(write_markdown(rows), "dataset=cifar10")
    assert cells[1:4] == ["2: 0, 1", "82.0 ± 2.0", "75.0 ± 0.0"]
    assert cells[5] == "1 min 0 s"


def test_other_settings_have_a_row_of_their_own() -> None:
    other = result(command="python train.py dataset=cifar10 batch_size=64")
    other["config"] = other["config"] | {"batch_size": 64}
    assert len(gather([result(), other])) == 2


def test_a_setting_that_an_older_run_has_not_makes_no_other_row() -> None:
    newer, newest = (
        result(seed=seed, config=result()["config"] | {"seed": seed, "new": value}) for seed, value in ((1, 0), (2, 1))
    )
    assert [len(row.records) for row in gather([result(), newer])] == [2]
    assert sorted(len(row.records) for row in gather([result(), newer, newest])) == [1, 2]


def test_runs_that_were_cut_short_are_not_mixed_with_whole_ones() -> None:
    short = result(seed=1, cut_short=["1 of 2 epochs"])
    rows = gather([result(), short])
    assert [len(row.records) for row in rows] == [1, 1]
    assert "cut short: 1 of 2 epochs" in write_markdown(rows)


def test_the_best_layer_is_chosen_by_validation_images() -> None:
    (row,) = gather([result()])
    assert row.best_layer().values == (0.6,)


def test_machines_are_told_apart() -> None:
    other = result(machine={"cpu": "another chip"}, command="python train.py dataset=cifar10 batch_size=64")
    other["config"] = other["config"] | {"batch_size": 64}
    page = write_markdown(gather([result(), other]))
    assert {cells_of(page, "dataset=cifar10")[8], cells_of(page, "dataset=cifar10 batch_size=64")[8]} == {"A", "B"}
    assert "cpu another chip" in page


def test_limits_are_told_as_cuts() -> None:
    metrics = {
        "epochs": {"trained": 2, "scheduled": 2},
        "config": {"trainer": {"limit_train_batches": 10, "fast_dev_run": False}},
    }
    assert why_cut_short(metrics) == ["trainer.limit_train_batches=10"]


def test_a_runs_folder_is_read(classifier_run: Path) -> None:
    kept = record(classifier_run)
    metrics = json.loads((classifier_run / "metrics.json").read_text())
    assert kept["accuracy"]["test"]["vote"] == pytest.approx(metrics["vote/test/accuracy"], abs=1e-5)
    assert set(kept["accuracy"]["val"]) == {*(f"layer_{number}" for number in range(6)), "head", "vote"}
    assert (kept["cut_short"], kept["epochs"]) == ([], {"trained": 14, "scheduled": 14})


def test_the_curve_has_a_point_for_each_epoch_and_ends_with_the_run(classifier_run: Path) -> None:
    curve = learning_curve(classifier_run)
    metrics = json.loads((classifier_run / "metrics.json").read_text())
    assert len(curve) == 14
    assert [point["seconds"] for point in curve] == sorted(point["seconds"] for point in curve)
    # pictures that are drawn behind the last epoch count for the run, and not for the epoch
    assert 0.5 * metrics["seconds"] < curve[-1]["seconds"] < metrics["seconds"] + 0.1
    assert curve[-1]["vote"] == pytest.approx(metrics["vote/val/accuracy"], abs=1e-4)
    voted = [number for number, point in enumerate(curve) if "vote" in point]
    assert voted == [0, 1, 2, 3, 4, 5, 6, 13]  # as each layer joins, and at the second wave's end


def test_a_run_that_has_not_finished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished run"):
        record(tmp_path)


def test_the_command_keeps_runs_and_writes_the_page(classifier_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    added = call("add", classifier_run, "--results", folder)
    assert added.returncode == 0, added.stderr
    assert (folder / "seed-0.json").is_file()
    assert call("--results", folder, "--check").returncode == 0
    page = tmp_path / "RESULTS.md"
    page.write_text(page.read_text().replace("seeds", "seed"))
    late = call("--results", folder, "--check")
    assert (late.returncode, len(late.stderr.splitlines())) == (1, 1)


def test_mistakes_take_one_line(classifier_run: Path, tmp_path: Path) -> None:
    missing = call("add", tmp_path / "nowhere", "--results", tmp_path)
    assert (missing.returncode, len(missing.stderr.splitlines())) == (1, 1)
    shutil.copytree(classifier_run, tmp_path / "old")
    old = json.loads((tmp_path / "old" / "metrics.json").read_text())
    del old["made_by"]
    (tmp_path / "old" / "metrics.json").write_text(json.dumps(old))
    with pytest.raises(DataError, match="run it again"):
        record(tmp_path / "old")


@pytest.mark.parametrize("name", sorted(result().keys() - {"epochs"}))
def test_a_file_without_one_of_its_lines_is_refused(name: str) -> None:
    kept = result()
    del kept[name]
    with pytest.raises(ValueError, match=rf"^{name} is missing or damaged$"):
        check_record(kept)


def test_a_run_of_a_copy_without_git_has_no_revision() -> None:
    kept = result(revision=None)
    assert check_record(kept) == kept
    assert cells_of(write_markdown(gather([kept])), "dataset=cifar10")[7] == "None"


def test_classes_that_are_no_list_are_refused() -> None:
    kept = result()
    kept["config"]["dataset"]["classes"] = "cat"
    with pytest.raises(ValueError, match=r"^config\.dataset\.classes is missing or damaged$"):
        check_record(kept)


def test_the_committed_page_is_what_the_results_say() -> None:
    if not (SCRIPT.parents[1] / "results").is_dir():
        pytest.skip("no results yet")
    assert call("--check").returncode == 0


def test_a_row_without_a_vote_shows_the_head_alone() -> None:
    alone = result()
    for stage in alone["accuracy"].values():
        stage.pop("vote")
    row = ResultRow((alone,))
    assert cells_of(write_markdown([row]), "dataset=cifar10")[2:4] == ["", "75.0"]
