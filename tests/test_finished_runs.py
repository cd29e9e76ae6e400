"""Runs that are killed when all epochs are over, and nothing but the last figures is left to be written."""

import shutil
from pathlib import Path

import pytest
from small_runs import CLASSIFIER, train_small

from torturing.traces import differences

SCHEDULES = {
    "sequential": ("schedule=sequential", "schedule.epochs=1"),
    "wave": ("schedule.waves=2",),
    "simultaneous": ("schedule=simultaneous",),
    "cut short": ("schedule.waves=2", "trainer.max_epochs=4"),
}
SETTINGS = [word for word in (*CLASSIFIER, "model.layer_depth=3") if word != "schedule.waves=2"]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_that_is_killed_behind_its_last_epoch_writes_no_figure_twice(name: str, tmp_path: Path) -> None:
    words = (*SETTINGS, *SCHEDULES[name])
    undisturbed = train_small(tmp_path / "undisturbed", *words)
    killed = shutil.copytree(undisturbed, tmp_path / "killed")
    (killed / "metrics.json").unlink()
    shutil.rmtree(killed / "layers")
    train_small(killed, *words, f"ckpt_path={killed}/checkpoints/last.ckpt")
    assert [line for line in differences(undisturbed, killed) if not line.startswith("TensorBoard")] == []
