"""What the README and the pages in docs/ show works as it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from small_folders import pets

from lwtrain.commands import COMMANDS
from lwtrain.config.command_line import CommandLine

CHECKOUT = Path(__file__).parents[1]
README = (CHECKOUT / "README.md").read_text()
PAGES = {page.name: page.read_text() for page in [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]}
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
TYPED = {
    f"{name}: {command}"
    for name, page in PAGES.items()
    for command in re.findall(
        r"^    (?:OMP_NUM_THREADS=\d+ |srun )?(?:python train\.py|torchrun .*?train\.py|lwtrain) (.*?)(?: *#.*)?$",
        re.sub(r" *\\\n +", " ", page),
        flags=re.MULTILINE,
    )
}
IN_TABLES = {  # the settings that a row's figures were measured with
    f"{name}: {command}"
    for name in ("README.md", "first_run.md", "published_systems.md", "published_rows.md")
    for row in re.findall(r"^\|.*$", PAGES[name], flags=re.MULTILINE)
    for command in re.findall(
        r"`(?:python train\.py )?((?<=py )[^`]*[^`.]|(?:-m )?(?:experiment|schedule|labels)=[^`]*)`", row
    )
}
TRAINING = sorted(
    command
    for command in TYPED | IN_TABLES
    if not {*command.split()[1:2]} & {*COMMANDS}
    and "help" not in command
    and not re.search(r"ckpt(?!_path=auto)", command)
)


@pytest.mark.parametrize("code", PYTHON)
def test_code_runs(code: str, tmp_path: Path) -> None:
    # In a process of its own: what other tests have imported must not help.
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "tensor" in run.stdout


@pytest.mark.parametrize("command", TRAINING)
def test_commands_have_no_mistake(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "joblib" in command:
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    if "submitit" in command:
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    if "hparams_search" in command:
        pytest.importorskip("optuna")
    pets(tmp_path / "photos", cats=90, dogs=90)
    (tmp_path / "photos" / "more").rename(tmp_path / "more_photos")
    trained = tmp_path / "outputs" / "first" / "checkpoints" / "last.ckpt"
    trained.parent.mkdir(parents=True)
    trained.touch()
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command.partition(": ")[2])
    multirun = "-m" in words
    assert CommandLine([word for word in words if word != "-m"], multirun=multirun).check()


def test_commands_are_found_on_pages_and_in_tables() -> None:
    assert {"README.md", "clusters.md", "data.md", "hsic.md", "sweeps.md"} <= {
        command.partition(":")[0] for command in TRAINING
    }
    assert {"published_systems.md: experiment=cnn_cifar2", "published_rows.md: experiment=greedy_k1"} <= IN_TABLES
    assert "README.md: model.width=0.25" in IN_TABLES


def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", README)
    assert pictures
    assert all((Path(__file__).parents[1] / picture).is_file() for picture in pictures)


def test_no_figure_is_left_out() -> None:
    assert not re.findall(r"@[A-Z_]+@", README)
