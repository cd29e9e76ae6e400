"""The wheel: what is in it, and that it works from any folder without the checkout."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(CHECKOUT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    _run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel))
    return folder


def _run(*arguments: str, folder: Path | None = None, packages: Path | None = None) -> str:
    """Run Python, with `packages` before all others that are installed."""
    environment = os.environ | ({} if packages is None else {"PYTHONPATH": str(packages)})
    run = subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_wheel_holds_what_a_user_needs(wheel: Path) -> None:
    held = set(ZipFile(wheel).namelist())
    conf = {f"lwtrain/{file.relative_to(CHECKOUT)}" for file in (CHECKOUT / "conf").rglob("*.yaml")}
    bundled = {str(file.relative_to(CHECKOUT)) for file in (CHECKOUT / "lwtrain/data/bundled").iterdir()}
    assert "lwtrain/conf/train.yaml" in conf
    assert len(bundled) > 1
    assert held >= conf | bundled | {"lwtrain/py.typed", "lwtrain/cli.py"}


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lwtrain"}
    assert not [name for name in ZipFile(wheel).namelist() if "__pycache__" in name]


@pytest.mark.parametrize("program", [["-m", "lwtrain.cli"], ["bin/lwtrain"]])
def test_the_command_works_in_an_empty_folder(program: list[str], installed: Path, tmp_path: Path) -> None:
    program = [str(installed / part) if "/" in part else part for part in program]
    shown = yaml.safe_load(_run(*program, "--cfg", "job", "model=vgg13", folder=tmp_path, packages=installed))
    assert (shown["model"]["name"], shown["dataset"]["name"]) == ("vgg13", "fashion_mini")
    assert "vgg11" in _run(*program, "--help", folder=tmp_path, packages=installed)
    assert not list(tmp_path.iterdir())


def test_the_yaml_files_are_those_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "from lwtrain.config.files import conf_dir; print(conf_dir())"
    assert _run("-c", code, folder=tmp_path, packages=installed).strip() == str(installed / "lwtrain" / "conf")
