"""No setting names code: what Hydra would call is refused, wherever it stands, before Hydra starts."""

import sys
from pathlib import Path

import pytest

from lwtrain import cli
from lwtrain.config.command_line import CommandLine
from lwtrain.config.foreign_code import OPT_IN

FILES = {
    "conf/experiment/callback.yaml": "# @package _global_\nhydra: {callbacks: {x: {_target_: intruder.enter}}}\n",
    "conf/experiment/logging.yaml": "# @package _global_\nhydra: {job_logging: {handlers: {x: {(): os.abort}}}}\n",
    "conf/experiment/harmless.yaml": "# @package _global_\nseed: 3\nhydra: {job_logging: {root: {level: ERROR}}}\n",
    "conf/experiment/sweep.yaml": (
        "# @package _global_\nhydra: {sweeper: {params: {+hydra.callbacks.x._target_: 'intruder.enter'}}}\n"
    ),
    "conf/hydra/launcher/mine.yaml": "_target_: intruder.enter\n",
    "shadow/hydra/launcher/basic.yaml": "_target_: intruder.enter\n",
    "conf/hydra/job_logging/mine.yaml": "version: 1\nhandlers: {x: {(): intruder.enter}}\nroot: {handlers: [x]}\n",
    "conf/hydra/callbacks/mine.yaml": "x: {_target_: intruder.enter}\n",
    "conf/model/mine.yaml": "defaults: [vgg11]\n_target_: intruder.enter\n",
    "conf/decoded.yaml": (
        "defaults: [train, _self_]\n"
        """hydra: {callbacks: {x: "${oc.decode:'{_tar\\x67et_: intruder.enter}'}"}}\n"""
    ),
    "conf/start.yaml": "defaults: [train, _self_]\nhydra: {launcher: {_target_: intruder.enter}}\n",
    "conf/package.yaml": "defaults: [train, _self_]\nhydra: {searchpath: ['pkg://intruder']}\n",
    "conf/own.yaml": "defaults: [train, _self_]\nseed: 4\n",
    "intruder.py": "from pathlib import Path\nPath('trace').touch()\n\ndef enter(**_): pass\n",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder, with files that try to bring code, and a module that leaves a trace where it is imported."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lwtrain"])
    monkeypatch.delenv(OPT_IN, raising=False)
    return tmp_path


# What is typed, and how the answer begins.
REFUSED = {
    "+hydra.callbacks.x._target_=intruder.enter": "hydra.callbacks.x._target_=intruder.enter: it can run code",
    "hydra.callbacks.folder_of_multirun._target_=intruder.enter": "hydra.callbacks.folder_of_multirun._target_=",
    "hydra.launcher._target_=intruder.enter": "hydra.launcher._target_=intruder.enter: it can run code",
    "hydra.sweeper._target_=intruder.enter": "hydra.sweeper._target_=intruder.enter: it can run code",
    "hydra.job_logging.handlers.console.class=intruder.enter": "hydra.job_logging.handlers.console.class=",
    "hydra.job_logging.handlers.console.stream=ext://intruder.enter": "hydra.job_logging.handlers.console.stream=ext:",
    "hydra.hydra_logging.handlers.console.class=intruder.enter": "hydra.hydra_logging.handlers.console.class=intruder",
    "+hydra.job.env_set.PYTHONPATH=/x": "hydra.job.env_set.PYTHONPATH=/x: it can run code",
    "hydra.searchpath=[pkg://intruder]": "hydra.searchpath=[pkg://intruder]: name a folder of your own YAML files",
    "+model._target_=intruder.enter": "model._target_=intruder.enter: settings cannot name code; choose by name",
    "+x={_target_:intruder.enter}": "x._target_=intruder.enter: settings cannot name code; choose by name",
    "-m seed=1,2 hydra/launcher=joblib hydra.launcher.pre_dispatch=all": "hydra.launcher.pre_dispatch=all: it can run",
    "-m seed=1,2 hydra/launcher=joblib +hydra.launcher.setup=[reboot]": "hydra.launcher.setup=[reboot]: it can run",
    "--config-dir conf hydra/launcher=mine": "hydra/launcher=mine: it can run code; leave it out",
    "--config-dir conf hydra/job_logging=mine": "hydra.job_logging.handlers.x.()=intruder.enter: it can run code",
    "--config-dir conf hydra/callbacks=mine": "hydra.callbacks.x._target_=intruder.enter: it can run code",
    "hydra/job_logging=../../../../../../{folder}/conf/hydra/job_logging/mine": "hydra",
    "--config-dir conf experiment=callback": "hydra.callbacks.x._target_=intruder.enter: it can run code",
    "--config-dir conf experiment=logging": "hydra.job_logging.handlers.x.()=os.abort: it can run code",
    "--config-dir conf -m experiment=sweep": "hydra.sweeper.params.+hydra.callbacks.x._target_=",
    "--config-dir conf -m experiment=harmless,report_4000,callback": "hydra.callbacks.x._target_=intruder",
    "--config-dir conf model=mine": "model._target_=intruder.enter: settings cannot name code; choose by name",
    "--config-dir shadow seed=1": "train: 'hydra/launcher/basic' is validated against ConfigStore schema",
    "--config-dir conf --config-name start": "hydra.launcher._target_=intruder.enter: it can run code",
    "-cd conf -cn decoded": "hydra.callbacks.x=${oc.decode",
    "-cd conf -cn package": "package.yaml: hydra.searchpath=[pkg://intruder]: name a folder with --config-dir",
    "-cn ../../../../../../{folder}/conf/start": "../../../../../../{folder}/conf/start: ",
    "-cp {folder}/conf": "--config-path={folder}/conf: settings start from lwtrain's own files; name a folder",
    "--experimental-rerun=x.pickle": "--experimental-rerun=x.pickle: it would unpickle that file, which can run code",
    "--experimental-re x.pickle": "--experimental-rerun=x.pickle: it would unpickle that file",
    "--config-dir conf experiment=callback --info": "hydra.callbacks.x._target_=intruder.enter: it can run code",
    "--config-dir conf experiment=callback --hydra-help": "hydra.callbacks.x._target_=intruder.enter: it can run code",
    "--config-dir conf experiment=callback --cfg job": "hydra.callbacks.x._target_=intruder.enter: it can run code",
}


@pytest.mark.parametrize("line", REFUSED)
def test_code_is_refused_in_a_line_or_two_and_never_imported(
    line: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    here = str(folder).lstrip("/")
    with pytest.raises(SystemExit) as caught:
        cli.main(line.replace("{folder}", here).split())
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert said.startswith(REFUSED[line].replace("{folder}", here))
    assert said.count("\n") <= 2  # of what a file wants tried, both the place and the value
    assert sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts) == before


def test_the_intruder_would_have_left_a_trace(folder: Path) -> None:
    sys.modules.pop("intruder", None)
    __import__("intruder")
    assert (folder / "trace").exists()
    del sys.modules["intruder"]


def test_files_of_runs_that_are_not_looked_at_before_the_start_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lwtrain.config.command_line._MOST_RUNS", 2)
    words = ["experiment=harmless,hsic_mnist,report_4000,callback"]
    with pytest.raises(ValueError, match=r"^hydra\.callbacks\.x\._target_=intruder\.enter: it can run code"):
        CommandLine(words, multirun=True, folders=[folder / "conf"]).check()


@pytest.mark.parametrize(
    "words",
    [
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        ["hydra/launcher=basic", "hydra/sweeper=basic"],
        ["hydra.verbose=true", "hydra/job_logging=default", "hydra.job_logging.root.level=DEBUG"],
        ["experiment=harmless"],
        ["hydra.sweep.dir=${oc.env:HOME}/x", "hydra.sweep.subdir=${hydra.job.override_dirname}"],
    ],
)
def test_what_is_shipped_stays_usable(words: list[str], folder: Path) -> None:
    configs = CommandLine([*words, "labels=100,200"], multirun=True, folders=[folder / "conf"]).check()
    assert [config.labels for config in configs] == [100, 200]


def test_a_starting_file_of_ones_own_is_found(folder: Path) -> None:
    (config,) = CommandLine([], folders=[folder / "conf"], config_name="own").check()
    assert config.seed == 4


def test_who_opts_in_may_name_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["experiment=callback"]
    with pytest.raises(ValueError, match=f"or set {OPT_IN}=1 if you trust who wrote it"):
        CommandLine(line, folders=[folder / "conf"]).check()
    monkeypatch.setenv(OPT_IN, "1")
    assert CommandLine(line, folders=[folder / "conf"]).check()
