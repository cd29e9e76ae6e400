"""Mistakes in a search, found before anything starts."""

from pathlib import Path

import pytest

from lwtrain.config.command_line import CommandLine
from lwtrain.errors import ConfigError

REFUSED = {
    "optimizer.lr=interval(1,0.1)": "optimizer.lr=interval(1,0.1): write interval(low, high), the lower end first",
    "optimizer.lr=tag(log,interval(0,1))": "optimizer.lr=tag(log,interval(0,1)): on a log scale both ends are above 0",
    "optimizer.lr=tag(ln,interval(1,2))": "optimizer.lr=tag(ln,interval(1,2)): the only tag is log",
    "optimizer.lr=interval(-1,1)": "optimizer.lr=-1.0: choose a number above 0",
    "batch_size=interval(16,64)": "batch_size=16.0: choose a whole number of at least 2",
    "optimizer.rl=interval(1,2)": "optimizer.rl=1.0: no such setting; there are optimizer.lr",
    "model=vgg11,vgg31": "model=vgg31: did you mean 'vgg19'?",
    "validation=test": "validation=test: not with hparams_search, which would choose by the test images",
    "optimizer.lr=0.001 batch_size=64": "hparams_search: there is nothing to search; give some setting several values",
    "hydra.sweeper.trials=0": "hydra.sweeper.trials=0: choose a whole number of at least 1",
    "hydra.sweeper.seed=x": "hydra.sweeper.seed=x: choose a whole number of at least 0",
    "hydra.sweeper.sampler=tpa": "hydra.sweeper.sampler=tpa: did you mean 'tpe'? Choices: tpe, random",
    "hydra.sweeper._target_=os.abort": "hydra.sweeper._target_=os.abort: it can run code",
    "hparams_search=mine": "hparams_search=mine: Choices: optuna",
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refusal(*words: str, multirun: bool = True) -> str:
    with pytest.raises(ConfigError) as caught:
        CommandLine(words, multirun=multirun).check(new_folder=True)
    return str(caught.value)


@pytest.mark.parametrize("words", REFUSED)
def test_mistakes_are_told_before_anything_starts(words: str) -> None:
    pytest.importorskip("optuna")
    assert refusal("hparams_search=optuna", *words.split()).startswith(REFUSED[words])


def test_ends_of_intervals_and_all_values_are_tried() -> None:
    pytest.importorskip("optuna")
    line = CommandLine(["hparams_search=optuna", "batch_size=int(interval(32,64))", "model=vgg8b,vgg11"], multirun=True)
    configs = line.check(new_folder=True)
    assert {config.optimizer.lr for config in configs} == {0.0003, 0.01}
    assert {config.batch_size for config in configs} == {32, 64}
    assert {config.model.name for config in configs} == {"vgg8b", "vgg11"}


def test_an_interval_wants_a_search() -> None:
    said = refusal("optimizer.lr=interval(0.1,1)")
    remedy = "an interval can only be searched; add hparams_search=optuna, or list values"
    assert said == f"optimizer.lr=interval(0.1,1): {remedy}"
    assert "with -m" in refusal("optimizer.lr=interval(0.1,1)", multirun=False)


def test_a_search_wants_a_multirun() -> None:
    said = "hydra.sweeper.params: there are values to try (optimizer.lr, batch_size); put -m first"
    assert refusal("hparams_search=optuna", multirun=False) == said


def test_without_optuna_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwtrain.config.search_mistakes.find_spec", lambda name: None)
    said = "hparams_search: needs optuna, which is not installed; pip install 'lwtrain[sweeps]'"
    assert refusal("hparams_search=optuna") == said


def test_a_space_of_ones_own_needs_no_code(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    (tmp_path / "hparams_search").mkdir()
    lines = ["# @package _global_", "defaults:", "  - override /hydra/sweeper: search", "hydra:", "  sweeper:"]
    lines += ["    trials: 5", "    params:", "      encoder: c,pool", "      optimizer.lr: interval(0.001, 0.01)"]
    (tmp_path / "hparams_search" / "mine.yaml").write_text("\n".join(lines))
    line = CommandLine(["hparams_search=mine"], multirun=True, folders=[tmp_path])
    assert {config.encoder.name for config in line.check(new_folder=True)} == {"c", "pool"}
