import subprocess
from pathlib import Path

import pytest
import yaml

from lwtrain.config.run_folders import WORDS
from lwtrain.provenance import command_of, provenance, revision


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one committed file of code."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "__init__.py").write_text("first = 1\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "code")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "Begin")
    return tmp_path


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_code_is_named_by_its_commit(repository: Path) -> None:
    assert revision(repository / "code") == git(repository, "rev-parse", "--short=10", "HEAD")


def test_code_that_was_changed_since_says_so(repository: Path) -> None:
    (repository / "code" / "__init__.py").write_text("first = 2\n")
    assert revision(repository / "code") == git(repository, "rev-parse", "--short=10", "HEAD") + "+"


def test_code_that_another_repository_does_not_know_has_no_revision(repository: Path) -> None:
    installed = repository / "venv" / "lwtrain"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert revision(installed) is None


def test_code_outside_of_any_repository_has_none(tmp_path: Path) -> None:
    assert revision(tmp_path) is None


def test_the_command_is_put_together_from_its_words(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / WORDS).write_text(yaml.safe_dump(["model=vgg8b", "dataset.classes=[a b,c]"]))
    assert command_of(tmp_path) == "python train.py model=vgg8b 'dataset.classes=[a b,c]'"


def test_a_run_that_no_command_started_has_none(tmp_path: Path) -> None:
    assert command_of(tmp_path) is None


def test_a_run_says_what_it_was_made_on(tmp_path: Path) -> None:
    made_by = provenance(tmp_path)
    assert {"cpu", "cores", "torch", "python"} <= set(made_by["machine"])
    assert made_by["lwtrain"]
