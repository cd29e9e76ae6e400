"""What a shell is offered."""

import subprocess
import sys
from pathlib import Path

import pytest

from lwtrain import cli
from lwtrain.commands import COMMANDS
from lwtrain.completion import offers

BASH = """
eval "$(lwtrain -sc install=bash)"
COMP_LINE="lwtrain describe schedule=w"; COMP_POINT=${#COMP_LINE}; COMP_CWORD=2
hydra_bash_completion
echo "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lwtrain ", sorted(COMMANDS)),
        ("lwtrain e", ["evaluate", "export"]),
        ("lwtrain model=vgg", []),
        ("lwtrain model=vgg11 ", []),
        ("lwtrain predict ", []),  # the shell's own files
        ("lwtrain predict outputs/run --f", ["--format"]),
        ("lwtrain predict --format ", ["table", "jsonl", "csv"]),
        ("lwtrain export outputs/run --vote ", []),
        ("lwtrain configs l", ["list"]),
    ],
)
def test_commands_and_options_are_offered(line: str, offered: list[str]) -> None:
    assert sorted(offers(line)) == sorted(offered)


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("lwtrain des", {"describe"}),
        ("lwtrain schedule=si", {"schedule=simultaneous"}),
        ("lwtrain describe schedule=si", {"schedule=simultaneous"}),
        ("lwtrain evaluate sche", set()),
    ],
)
def test_settings_are_offered_beside_them(
    line: str, offered: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lwtrain"])
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    cli.main(["-sc", "query=bash"])
    assert set(capsys.readouterr().out.split()) == offered


def test_bash_takes_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Path(sys.executable).parent
    if not (programs / "lwtrain").is_file():
        pytest.skip("needs the installed program")
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    run = subprocess.run(["bash", "-c", BASH], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "schedule=wave", run.stderr
