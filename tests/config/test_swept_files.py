"""Values that YAML files list for a multirun, under hydra.sweeper.params."""

from pathlib import Path

import pytest

from lwtrain.config.command_line import CommandLine
from lwtrain.config.loading import load_config
from lwtrain.config.schema import Config
from lwtrain.errors import ConfigError


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def experiment(folder: Path, name: str, *params: str) -> None:
    (folder / "experiment").mkdir(exist_ok=True)
    lines = ["# @package _global_", "hydra:", "  sweeper:", "    params:", *(f"      {line}" for line in params)]
    (folder / "experiment" / f"{name}.yaml").write_text("\n".join(lines) + "\n")


def configs(folder: Path, *words: str, multirun: bool = True) -> list[Config]:
    return CommandLine(words, multirun=multirun, folders=[folder]).check(new_folder=True)


def message(folder: Path, *words: str, multirun: bool = True) -> str:
    with pytest.raises(ConfigError) as caught:
        configs(folder, *words, multirun=multirun)
    return str(caught.value)


def test_all_combinations_are_checked(own_files: Path) -> None:
    experiment(own_files, "mine", "model: vgg8b,vgg11", "seed: 1,2")
    tried = {(config.model.name, config.seed) for config in configs(own_files, "experiment=mine")}
    assert tried == {("vgg8b", 1), ("vgg8b", 2), ("vgg11", 1), ("vgg11", 2)}


def test_words_have_the_last_say(own_files: Path) -> None:
    experiment(own_files, "mine", "model: vgg8b,vgg31", "seed: 1,2")
    tried = [(config.model.name, config.seed) for config in configs(own_files, "experiment=mine", "model=vgg13")]
    assert tried == [("vgg13", 1), ("vgg13", 2)]


def test_every_value_is_looked_at(own_files: Path) -> None:
    experiment(own_files, "mine", "model: vgg8b,vgg31", "seed: 1,x", "sed: 1,2")
    said = {line.partition(":")[0] for line in message(own_files, "experiment=mine").splitlines()}
    assert said == {"model=vgg31", "hydra.sweeper.params.sed", "seed=x", "sed=1", "sed=2"}


def test_a_setting_that_no_file_has_wants_a_sign(own_files: Path) -> None:
    (own_files / "trainer").mkdir()
    (own_files / "trainer" / "short.yaml").write_text("accelerator: cpu\n")
    experiment(own_files, "mine", "trainer.max_epochs: 1,2", "seed: 1,2")
    said = "hydra.sweeper.params.trainer.max_epochs: no YAML file has a value for it; write ++trainer.max_epochs"
    assert message(own_files, "experiment=mine", "trainer=short") == said
    experiment(own_files, "mine", "++trainer.max_epochs: 1,2")
    tried = [config.trainer.max_epochs for config in configs(own_files, "experiment=mine", "trainer=short")]
    assert tried == [1, 2]


def test_they_want_a_multirun(own_files: Path) -> None:
    experiment(own_files, "mine", "model: vgg8b,vgg11", "seed: 1,2")
    said = "hydra.sweeper.params: there are values to try (model, seed); put -m first"
    assert message(own_files, "experiment=mine", multirun=False) == said
    assert load_config(["experiment=mine"], [own_files]).seed == 0  # what else it sets can be had in a notebook


def test_one_of_several_experiments_cannot_have_them(own_files: Path) -> None:
    experiment(own_files, "mine", "seed: 1,2")
    said = "experiment: one that lists values to try cannot be one of several; choose one"
    assert message(own_files, "experiment=mine,report_4000") == said


def test_the_shipped_sweep_is_sound() -> None:
    tried = [(config.labels, config.encoder.name) for config in configs(Path(), "experiment=sweep_labels")]
    assert sorted(map(str, tried)) == sorted(
        str((labels, encoder)) for labels in (100, 1000, "all") for encoder in ("c", "pool")
    )
