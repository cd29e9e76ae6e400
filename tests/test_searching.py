"""The search for the best settings: what is tried, what is told, and how it goes on."""

import math
import signal
import sys
from pathlib import Path
from statistics import mean

import pytest
from omegaconf import OmegaConf
from stand_in_training import Training

from lwtrain import cli
from lwtrain.config.loading import load_config
from lwtrain.config.schema import Config
from lwtrain.config.search_space import Interval
from lwtrain.errors import DataError, Stopped
from lwtrain.searching import Search, open_study

Study = pytest.importorskip("optuna").Study
SEARCH = ["-m", "hparams_search=optuna", "model=vgg8b", "hydra.sweep.dir=sweep", "hydra.sweeper.trials=3"]
WORDS = [*SEARCH, "ckpt_path=auto", "progress=none"]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lwtrain"])


def nearness(config: Config) -> float:
    """An accuracy that is best at a learning rate of 0.002 and batches of 64."""
    assert isinstance(config.optimizer.lr, float)
    return 1 - abs(math.log10(config.optimizer.lr / 0.002)) / 2 - abs(config.batch_size - 64) / 1000


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    stand_in = Training()
    stand_in.accuracy = nearness
    monkeypatch.setitem(sys.modules, "lwtrain.training", stand_in)
    return stand_in


def tried(training: Training) -> list[tuple[float, int]]:
    return [(config.optimizer.lr, config.batch_size) for config, _ in training.runs]


def exit_code(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    return caught.value.code


def test_trials_are_runs_within_the_space_and_the_best_is_said(
    training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main([*WORDS, "objective.label_smoothing=0.2"])
    assert [folder.name for _, folder in training.runs] == ["0", "1", "2"]
    assert all(0.0003 <= lr <= 0.01 and batch_size in (32, 64, 128) for lr, batch_size in tried(training))
    assert len(set(tried(training))) == 3
    best = max(range(3), key=lambda number: nearness(training.runs[number][0]))
    config, _ = training.runs[best]
    words = (
        f"model=vgg8b objective.label_smoothing=0.2 optimizer.lr={config.optimizer.lr} batch_size={config.batch_size}"
    )
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[-3:]] == [
        f"best of 3   run {best}, vote/val/accuracy {nearness(config):.2%}",
        f"lwtrain {words}",
        "lwtrain --config-dir sweep experiment=best",
    ]
    assert load_config(["experiment=best"], [Path("sweep")]) == load_config(words.split())
    assert len(Path("sweep/results.csv").read_text().splitlines()) == 4


def proposing(folder: Path, **launcher: int) -> tuple[Search, Study]:
    """A search whose trials are not launched."""
    search = Search(trials=30, sampler="tpe", seed=0)
    search._config = OmegaConf.create({"hydra": {"launcher": launcher}})
    return search, open_study(folder)


def test_what_did_well_is_looked_at_more_closely(tmp_path: Path) -> None:
    search, study = proposing(tmp_path)
    while batch := search._next(study, {"lr": Interval(0.0003, 0.01, log=True)}):
        (trial,) = batch
        study.tell(trial.number, -trial.params["lr"])
    rates = [trial.params["lr"] for trial in study.trials]
    assert mean(rates[20:]) < 0.5 * mean(rates[:10])  # the first ten are random


def test_as_many_trials_are_made_at_once_as_the_launcher_makes_runs(tmp_path: Path) -> None:
    search, study = proposing(tmp_path, n_jobs=4)
    space = {"width": Interval(1, 9, step=2), "model": ["vgg8b", "vgg11"]}
    batch = search._next(study, space)
    assert [trial.number for trial in batch] == [0, 1, 2, 3]
    assert {trial.params["width"] for trial in batch} <= {1, 3, 5, 7, 9}
    study.tell(1, 0.5)
    assert [trial.number for trial in search._next(study, space)] == [0]  # stopped, and to be made in their folders
    study.tell(0, 0.5)
    assert [trial.number for trial in search._next(study, space)] == [2, 3]


def test_a_trial_that_was_not_wholly_proposed_counts_as_failed(tmp_path: Path) -> None:
    search, study = proposing(tmp_path)
    study.ask()
    assert [trial.number for trial in search._next(study, {"lr": Interval(0.0003, 0.01)})] == [1]
    assert study.trials[0].state.name == "FAIL"


def test_a_search_that_was_stopped_ends_as_one_that_was_not(
    training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main([*WORDS, "hydra.sweep.dir=whole"])
    whole, training.runs = tried(training), []
    training.failures[2] = Stopped(signal.SIGTERM)
    assert exit_code(*WORDS) == 143
    log = Path("sweep/trials.log")
    log.write_bytes(log.read_bytes() + b'{"op_code": 5, "wor')  # what a kill leaves
    Path("sweep/trials.log.lock").symlink_to("trials.log")
    training.failures = {}
    cli.main(WORDS)
    assert tried(training) == [*whole[:2], *whole[1:]]
    training.runs = []
    cli.main(WORDS)
    assert not training.runs
    assert "best of 3" in capsys.readouterr().out
    cli.main([*WORDS, "hydra.sweeper.trials=4"])
    assert [folder.name for _, folder in training.runs] == ["3"]


def test_a_trial_that_fails_is_told_and_stops_nothing(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    training.failures[2] = DataError("data/x: cut short")
    training.accuracy = lambda config: None if len(training.runs) == 3 else nearness(config)
    cli.main(WORDS)
    states = [trial.state.name for trial in open_study(Path("sweep")).trials]
    assert states == ["COMPLETE", "FAIL", "FAIL"]
    assert "1,vgg8b" not in Path("sweep/results.csv").read_text()
    assert "data/x: cut short" in Path("sweep/results.csv").read_text()


def test_where_no_trial_succeeds_the_search_has_failed(training: Training, capsys: pytest.CaptureFixture[str]) -> None:
    training.failures = dict.fromkeys(range(1, 3), DataError("data/x: cut short"))
    assert exit_code(*WORDS, "hydra.sweeper.trials=1") == 1
    assert "sweep: no trial has succeeded" in capsys.readouterr().err


def test_the_seed_decides(training: Training) -> None:
    for number, words in enumerate(
        (["hydra.sweeper.seed=1"], ["hydra.sweeper.seed=1"], ["hydra.sweeper.sampler=random"])
    ):
        cli.main([*WORDS, f"hydra.sweep.dir={number}", "hydra.sweeper.trials=2", *words])
    one, same, other = tried(training)[:2], tried(training)[2:4], tried(training)[4:]
    assert one == same != other


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("optimizer.lr=0.001", "optimizer.lr=as it stands: sweep was searched with optimizer.lr=tag(log, interval("),
        ("batch_size=32,64", "batch_size=32,64: sweep was searched with batch_size=32,64,128"),
        ("labels=500", "labels=500: sweep was searched with labels=all"),
    ],
)
def test_another_search_is_not_gone_on_with(
    word: str, said: str, training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main([*WORDS, "hydra.sweeper.trials=1"])
    assert exit_code(*WORDS, word) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(said)
    assert second == "Go on without these changes, or choose another hydra.sweep.dir"
