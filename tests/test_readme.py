"""What the README shows works as it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lwtrain.config.command_line import CommandLine

README = (Path(__file__).parents[1] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = re.findall(r"^    python train\.py (.*?)(?: +#.*)?$", README, flags=re.MULTILINE)


@pytest.mark.parametrize("code", PYTHON)
def test_code_runs(code: str, tmp_path: Path) -> None:
    # In a process of its own: what other tests have imported must not help.
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "tensor" in run.stdout


@pytest.mark.parametrize(
    "command", [command for command in COMMANDS if "help" not in command and "ckpt" not in command]
)
def test_commands_have_no_mistake(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    multirun = "-m" in words
    assert CommandLine([word for word in words if word != "-m"], multirun=multirun).check()


def test_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]*)\)", README)
    assert pictures
    assert all((Path(__file__).parents[1] / picture).is_file() for picture in pictures)


def test_no_figure_is_left_out() -> None:
    assert not re.findall(r"@[A-Z_]+@", README)
