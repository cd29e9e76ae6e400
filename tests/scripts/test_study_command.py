"""scripts/study.py from outside: studies that are killed, fail in parts, go on, and become a page."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_study_files import store

from lwtrain.config.command_line import CommandLine
from studying.processes import alone

SCRIPTS = Path(__file__).parents[2] / "scripts"
BASE = (
    "model=vgg8b model.width=0.0625 dataset=fake dataset.num_images=150 dataset.num_classes=3 dataset.image_size=16 "
    "encoder=pool batch_size=15 precision=32 trainer.accelerator=cpu"
)
RUNS = [
    {"name": "wave", "settings": "schedule=wave schedule.epochs=4 schedule.waves=4"},
    {"name": "broken", "settings": "schedule=backprop optimizer.lr=1e30"},
    {"name": "backprop", "settings": "schedule=backprop"},
]
PATIENCE = 240  # seconds


def words(folder: Path, *further: str) -> list[str]:
    study = [sys.executable, str(SCRIPTS / "study.py"), "small"]
    return [*study, "--results", str(folder / "results"), "--outputs", str(folder / "outputs"), *further]


def call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    store(folder / "studies", base=BASE, seeds=[0], runs=RUNS)
    return folder


@pytest.fixture(scope="module")
def gone_on(folder: Path) -> subprocess.CompletedProcess[str]:
    """Kill the study and its training in the middle of the first run, and call it again."""
    process = subprocess.Popen(words(folder), stdout=subprocess.DEVNULL, start_new_session=True)
    checkpoint, deadline = folder / "outputs/small/wave/seed-0/checkpoints/last.ckpt", time.monotonic() + PATIENCE
    while not checkpoint.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "results").exists()
    return call(*words(folder))


def test_a_killed_study_goes_on_where_it_stopped(folder: Path, gone_on: subprocess.CompletedProcess[str]) -> None:
    kept = json.loads((folder / "results/small/wave_seed-0.json").read_text())
    assert (kept["study"], kept["run"], kept["epochs"]) == ("small", "wave", {"trained": 28, "scheduled": 28})
    assert len(kept["curve"]) == 28
    assert "ckpt_path" not in kept["command"]
    assert str(folder) not in json.dumps(kept)
    assert gone_on.stdout.splitlines()[0] == "Small: 0 of 3 trainings have a result"


def test_a_run_that_fails_is_told_and_the_others_are_carried_out(
    folder: Path, gone_on: subprocess.CompletedProcess[str]
) -> None:
    assert gone_on.returncode == 1
    told = gone_on.stdout.splitlines()
    (number,) = [number for number, line in enumerate(told) if line.startswith("broken, seed 0: failed; ")]
    assert any("weights that are not finite" in line for line in told[number : number + 6])
    assert told[-1].startswith("backprop, seed 0: vote ")
    assert sorted(path.name for path in (folder / "results/small").iterdir()) == [
        "backprop_seed-0.json",
        "wave_seed-0.json",
    ]


def test_what_has_a_result_is_not_trained_again(folder: Path, gone_on: subprocess.CompletedProcess[str]) -> None:
    again = call(*words(folder, "--only", "wave", "backprop"))
    assert (again.returncode, again.stdout) == (0, "Small: 2 of 2 trainings have a result\n")


def test_dry_shows_the_commands_of_what_is_waiting(folder: Path, gone_on: subprocess.CompletedProcess[str]) -> None:
    dry = call(*words(folder, "--dry"))
    assert dry.returncode == 0, dry.stderr
    _, command = dry.stdout.splitlines()
    place = f"hydra.run.dir={folder}/outputs/small/broken/seed-0"
    assert shlex.split(command) == ["python", "train.py", *BASE.split(), *RUNS[1]["settings"].split(), "seed=0", place]
    assert CommandLine(shlex.split(command)[2:]).check()


def test_other_settings_than_those_of_a_result_are_refused(
    folder: Path, gone_on: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    store(tmp_path / "studies", base=BASE, seeds=[0], runs=[{"name": "wave", "settings": "schedule=wave labels=90"}])
    (tmp_path / "results").symlink_to(folder / "results")
    refused = call(*words(tmp_path))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert "wave_seed-0.json: made with labels=all, schedule.epochs=4, schedule.waves=4; take it" in refused.stderr


def test_the_study_is_a_section_of_the_page(folder: Path, gone_on: subprocess.CompletedProcess[str]) -> None:
    results = [sys.executable, str(SCRIPTS / "results.py"), "--results", str(folder / "results")]
    shown = call(*results)
    assert shown.returncode == 0, shown.stderr
    assert "Not all seeds yet: broken." in shown.stdout
    assert "![Learning curves: Small](docs/images/results/small.svg)" in shown.stdout
    assert call(*results, "--check").returncode == 0
    picture = folder / "docs/images/results/small.svg"
    drawn = picture.read_bytes()
    assert call(*results).returncode == 0
    assert picture.read_bytes() == drawn


def test_a_run_teaches_the_next(tmp_path: Path) -> None:
    runs = [{"name": "first"}, {"name": "taught", "teacher": "first", "settings": "pseudo_labels.ramp=0"}]
    few = f"{BASE} labels=30 schedule=simultaneous schedule.epochs=1"
    store(tmp_path / "studies", base=few, seeds=[0], runs=runs)
    early = call(*words(tmp_path, "--only", "taught"))
    place = tmp_path / "outputs/small/first/seed-0"
    assert (early.returncode, early.stdout.splitlines()[1]) == (
        1,
        f"taught, seed 0: its teacher's run is not in {place}; train it there first",
    )
    dry = call(*words(tmp_path, "--dry"))
    assert f" pseudo_labels.teacher={place} " in dry.stdout.splitlines()[2]
    carried_out = call(*words(tmp_path))
    assert carried_out.returncode == 0, carried_out.stdout
    figures = json.loads((tmp_path / "outputs/small/taught/seed-0/metrics.json").read_text())
    assert figures["vote/pseudo_labels/share"] > 0.8
    kept = json.loads((tmp_path / "results/small/taught_seed-0.json").read_text())
    assert kept["config"]["pseudo_labels"]["teacher"] == "first"
    assert "pseudo_labels.teacher=first" in kept["command"]
    assert str(tmp_path) not in json.dumps(kept)
    assert call(*words(tmp_path)).stdout == "Small: 2 of 2 trainings have a result\n"


@pytest.mark.parametrize(
    ("named", "further", "message"),
    [
        ("smal", [], "smal: no such study in {folder}/studies/; did you mean 'small'? Choices: small"),
        ("small", ["--only", "wafe"], "--only wafe: not in small; choose from wave, broken, backprop"),
        ("small", ["--minutes", "8"], "--minutes 8.0: not in small; it has none"),
    ],
)
def test_mistakes_take_one_line(named: str, further: list[str], message: str, folder: Path) -> None:
    command = [named if word == "small" else word for word in words(folder, *further)]
    mistaken = call(*command)
    assert (mistaken.returncode, mistaken.stderr) == (1, message.format(folder=folder) + "\n")


def test_a_training_that_outlived_its_study_is_waited_for(tmp_path: Path) -> None:
    with alone(tmp_path / "run.log") as log:
        survivor = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"], stdout=log)
    with alone(tmp_path / "run.log"):
        assert survivor.wait(timeout=0.5) == 0
