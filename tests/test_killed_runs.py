"""Promise 3 from outside: a run that is killed, again and again, ends as one that was never disturbed."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lwtrain.part_times import PARTS

SETTINGS = [
    "model=vgg8b",
    "model.width=0.0625",
    "model.layer_depth=3",
    "encoder=c",
    "encoder.hidden=16",
    "objective.alpha=learned",
    "dataset.image_size=16",
    "dataset.fit=scale",
    "labels=500",
    "batch_size=64",
    "schedule=wave",
    "schedule.epochs=4",
    "schedule.waves=2",
    "dataset.augmentation=med_10",
    "precision=32",
    "trainer.limit_train_batches=12",
    "trainer.accelerator=cpu",
    "progress=plain",
]
TIMINGS = ("speed/images_per_second", "memory/peak_mib", *(f"time/{part}" for part in PARTS))
PATIENCE = 120  # seconds


def start(folder: Path, *settings: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "lwtrain.cli", *settings], stdout=log, stderr=log, env=environment, cwd=folder.parent
        )


def kill_after(folder: Path, process: subprocess.Popen[bytes], epochs: int) -> None:
    """Send SIGKILL while the epoch after the next `epochs` ones runs."""
    checkpoint, deadline = folder / "checkpoints" / "last.ckpt", time.monotonic() + PATIENCE
    seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    while epochs:
        assert process.poll() is None, (folder.parent / f"{folder.name}.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.005)
        if checkpoint.exists() and checkpoint.stat().st_mtime_ns != seen:
            seen, epochs = checkpoint.stat().st_mtime_ns, epochs - 1
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{tag: value for tag, value in row.items() if tag not in TIMINGS} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    process = start(folder, *SETTINGS, f"hydra.run.dir={folder}")
    assert process.wait(PATIENCE) == 0, (folder.parent / "undisturbed.log").read_text()
    return folder


@pytest.fixture(scope="module")
def killed(undisturbed: Path) -> Path:
    folder = undisturbed.parent / "killed"
    kill_after(folder, start(folder, *SETTINGS, f"hydra.run.dir={folder}"), epochs=1)  # in the middle of a visit
    kill_after(folder, start(folder, f"ckpt_path={folder}", "front=disk"), epochs=4)  # in the middle of a later one
    process = start(folder, f"ckpt_path={folder}", "front=recompute")
    assert process.wait(PATIENCE) == 0, (folder.parent / "killed.log").read_text()
    return folder


def test_a_killed_run_ends_with_the_same_weights(undisturbed: Path, killed: Path) -> None:
    expected, found = (
        torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True) for folder in (undisturbed, killed)
    )
    assert expected["epoch"] == found["epoch"]
    assert expected["state_dict"].keys() == found["state_dict"].keys()
    for name, value in expected["state_dict"].items():
        assert torch.equal(value, found["state_dict"][name]), name


def test_a_killed_run_ends_with_the_same_curves(undisturbed: Path, killed: Path) -> None:
    assert rows(killed) == rows(undisturbed)


def test_a_killed_run_leaves_no_unfinished_file(undisturbed: Path, killed: Path) -> None:
    assert not list(killed.rglob("*.partial"))
    names, expected = ({path.name.partition(".out.")[0] for path in run.iterdir()} for run in (killed, undisturbed))
    assert names == expected  # the activations that it held on disk are gone too
