"""Mistakes in who makes the runs of a multirun, found before anything starts."""

from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins

from lwtrain.config.command_line import CommandLine
from lwtrain.errors import ConfigError

WANTS = {"joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher"}
WANTS["submitit_slurm"] = WANTS["submitit_local"]
REFUSED = {
    "hydra.launcher.nodes=2": "hydra.launcher.nodes=2: choose 1; a run that shares its data among processes is started",
    "hydra.launcher.tasks_per_node=2": "hydra.launcher.tasks_per_node=2: choose 1; a run that shares its data among",
    "hydra.launcher.timeout_min=x": "hydra.launcher.timeout_min=x: Value 'x' of type 'str' could not be converted to",
    "hydra.launcher.setup=[reboot]": "hydra.launcher.setup=[reboot]: it can run code",
    "+hydra.launcher.additional_parameters.wrap=reboot": "hydra.launcher.additional_parameters.wrap=reboot: it can run",
    "trainer=ddp": "trainer.strategy=ddp: not with -m: each run would start processes that begin the whole multirun",
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lwtrain.config.launchers.shutil.which", lambda name: f"/usr/bin/{name}")


def refusal(*words: str, multirun: bool = True) -> str:
    with pytest.raises(ConfigError) as caught:
        CommandLine(words, multirun=multirun).check(new_folder=True)
    return str(caught.value)


@pytest.mark.parametrize("word", REFUSED)
def test_what_a_job_cannot_be_is_told(word: str) -> None:
    pytest.importorskip(f"hydra_plugins.{WANTS['submitit_slurm']}")
    said = refusal("seed=1,2", "hydra/launcher=submitit_slurm", word)
    assert said.startswith(REFUSED[word])
    assert "\n" not in said


@pytest.mark.parametrize("launcher", WANTS)
def test_runs_that_a_launcher_starts_want_a_multirun(launcher: str) -> None:
    pytest.importorskip(f"hydra_plugins.{WANTS[launcher]}")
    assert len(CommandLine([f"hydra/launcher={launcher}", "seed=1,2"], multirun=True).check(new_folder=True)) == 2
    said = f"hydra/launcher={launcher}: it starts the runs of a multirun; put -m first, or leave it out"
    assert refusal(f"hydra/launcher={launcher}", multirun=False) == said


def test_jobs_are_started_where_there_is_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(f"hydra_plugins.{WANTS['submitit_slurm']}")
    monkeypatch.setattr("lwtrain.config.launchers.shutil.which", lambda name: None)
    line = CommandLine(["hydra/launcher=submitit_slurm", "seed=1,2"], multirun=True)
    assert len(line.check()) == 2
    assert refusal("hydra/launcher=submitit_slurm", "seed=1,2").startswith("hydra/launcher=submitit_slurm: there is no")
    assert len(CommandLine(["hydra/launcher=submitit_local", "seed=1,2"], multirun=True).check(new_folder=True)) == 2


@pytest.mark.parametrize(
    ("launcher", "extra"), [("joblib", "sweeps"), ("submitit_local", "clusters"), ("submitit_slurm", "clusters")]
)
def test_an_extra_that_is_missing_is_named(launcher: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Plugins.instance()  # which finds those that are installed
    monkeypatch.delitem(ConfigStore.instance().repo["hydra"]["launcher"], f"{launcher}.yaml", raising=False)
    monkeypatch.setattr("lwtrain.config.launchers.find_spec", lambda name: None)
    said = refusal("seed=1,2", f"hydra/launcher={launcher}", "hydra.launcher.timeout_min=5")
    assert said.splitlines()[0] == f"hydra/launcher={launcher}: not installed; pip install 'lwtrain[{extra}]'"
