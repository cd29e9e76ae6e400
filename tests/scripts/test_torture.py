"""scripts/torture.py in short, and what it would find if something did come out differently."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from small_runs import CLASSIFIER, train_small
from torch.utils.tensorboard import SummaryWriter

from torturing.traces import differences

SCRIPTS = Path(__file__).parents[2] / "scripts"
PATIENCE = 600  # seconds


@pytest.mark.timeout(900)  # many processes, each of which imports torch
def test_runs_that_are_killed_end_as_if_nothing_had_happened(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPTS / "torture.py", "--kills", "4", "--folder", tmp_path]
    only = ["--only", "wave-disk", "simultaneous-memory"]
    done = subprocess.run([*command, *only], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "every run ended as if nothing had happened"
    assert lines[-3].startswith("4 signals (")
    assert not list(tmp_path.iterdir())


def _edit_json(folder: Path) -> None:
    path = folder / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps(metrics | {"vote/val/accuracy": metrics["vote/val/accuracy"] + 1e-7}))


def _edit_weight(folder: Path) -> None:
    path = folder / "checkpoints" / "last.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["state_dict"]["layers.0.layer.conv_0.bias"][0] += 1e-7
    torch.save(checkpoint, path)


def _edit_memory_of_the_optimizer(folder: Path) -> None:
    path = folder / "checkpoints" / "best.ckpt"
    checkpoint = torch.load(path, weights_only=True)
    next(iter(checkpoint["optimizer_states"][0]["state"].values()))["exp_avg"].view(-1)[0] += 1e-7
    torch.save(checkpoint, path)


def _double_a_row(folder: Path) -> None:
    path = folder / "metrics.csv"
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")


def _lose_a_row(folder: Path) -> None:
    path = folder / "metrics.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")


def _leave_something(folder: Path) -> None:
    (folder / "checkpoints" / "last.ckpt.partial").touch()


def _lose_a_layer(folder: Path) -> None:
    next(folder.glob("layers/*")).unlink()


def _add_a_point(folder: Path) -> None:
    with SummaryWriter(folder, filename_suffix=".more") as writer:
        writer.add_scalar("vote/val/accuracy", 0.5, global_step=10**6)


EDITS: dict[str, Callable[[Path], None]] = {
    "metrics.json: vote/val/accuracy": _edit_json,
    "last.ckpt: state_dict: layers.0.layer.conv_0.bias: other numbers": _edit_weight,
    "best.ckpt: optimizer_states[0]: state: ": _edit_memory_of_the_optimizer,
    "metrics.csv: ": _double_a_row,
    "metrics.csv": _lose_a_row,
    "left behind: checkpoints/last.ckpt.partial": _leave_something,
    "files: ": _lose_a_layer,
    "TensorBoard: ": _add_a_point,
}


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of the same settings."""
    words = (*CLASSIFIER, "model.layer_depth=3", "objective.alpha=learned")
    one, other = (train_small(tmp_path_factory.mktemp(name), *words) for name in ("one", "other"))
    return one, other


def test_two_runs_of_the_same_settings_do_not_differ(twins: tuple[Path, Path]) -> None:
    assert differences(*twins) == []


@pytest.mark.parametrize("told", EDITS)
def test_the_smallest_difference_is_found(told: str, twins: tuple[Path, Path], tmp_path: Path) -> None:
    edited = shutil.copytree(twins[1], tmp_path / "edited")
    EDITS[told](edited)
    lines = differences(twins[0], edited)
    assert lines
    assert any(line.startswith(told) for line in lines), lines
