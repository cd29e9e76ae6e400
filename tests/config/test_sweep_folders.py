"""A sweep that is gone on with: the same runs, in the same folders, and those that are done left alone."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from stored_checkpoints import damage, store_checkpoint

from lwtrain.config.command_line import CommandLine
from lwtrain.config.loading import load_config
from lwtrain.config.run_folders import store_settings
from lwtrain.config.schema import Config
from lwtrain.config.sweep_folders import continued, finished
from lwtrain.errors import ConfigError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def leave(folder: str, *words: str, done: bool = False) -> None:
    """What a run leaves behind, as far as a sweep looks at it."""
    config = load_config(words)
    Path(folder).mkdir(parents=True)
    store_settings(config, Path(folder))
    store_checkpoint(Path(folder, "checkpoints", "last.ckpt"))
    if done:
        Path(folder, "metrics.json").write_text(json.dumps({"vote/val/accuracy": 0.5, "config": asdict(config)}))


def going_on(*words: str, folders: Sequence[Path] = ()) -> list[Config]:
    line = CommandLine([*words, "hydra.sweep.dir=sweep", "ckpt_path=auto"], multirun=True, folders=folders)
    return line.check(new_folder=True)


def refusal(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        going_on(*words)
    return str(caught.value)


def test_a_sweep_begins_and_goes_on_by_one_command() -> None:
    assert len(going_on("seed=1,2")) == 2
    leave("sweep/0", "seed=1", done=True)
    leave("sweep/1", "seed=2")
    assert [config.seed for config in going_on("seed=1,2")] == [1, 2]
    assert [config.seed for config in going_on("seed=1,2,3")] == [1, 2, 3]  # further runs come behind


def test_a_run_with_other_settings_is_not_gone_on_with() -> None:
    leave("sweep/0", "seed=1", "labels=100")
    leave("sweep/1", "seed=2", "labels=100")
    remedy = "Go on without these changes, or choose another hydra.sweep.dir"
    said = refusal("seed=1,3", "labels=100")
    assert said.splitlines() == ["seed=3: sweep/1 was made with seed=2", remedy]
    said = refusal("labels=200", "seed=1,2")  # all differ; one is enough to be told of
    assert said.splitlines() == ["labels=200: sweep/0 was made with labels=100", remedy]
    assert going_on("seed=1,2", "labels=100", "progress=none", "front=disk")


def test_runs_are_found_by_the_numbers_that_hydra_gives_them(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    params = "hydra: {sweeper: {params: {seed: '1,2', labels: '100,200'}}}"
    (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{params}\n")
    leave("sweep/0", "seed=3", "labels=100")
    leave("sweep/2", "seed=4", "labels=100")
    leave("sweep/3", "seed=4", "labels=200")
    assert going_on("experiment=mine", "batch_size=64", "seed=3,4", folders=[tmp_path])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hydra.sweep.subdir=x"], "hydra.sweep.subdir: not with ckpt_path=auto, which finds runs by their numbers"),
        (["seed=shuffle(1,2)"], "seed=shuffle(1,2): not with ckpt_path=auto, which finds runs by their numbers"),
        (["ckpt_path=auto,last"], "ckpt_path=auto: not with -m; choose auto, or go on with one run at a time"),
    ],
)
def test_what_has_no_numbers_cannot_be_gone_on_with(words: list[str], said: str) -> None:
    assert refusal(*words) == said


def test_the_folder_has_to_be_named() -> None:
    with pytest.raises(ConfigError, match=r"^ckpt_path=auto: say where the runs lie, .*hydra\.sweep\.dir=FOLDER$"):
        CommandLine(["seed=1,2", "ckpt_path=auto"], multirun=True).check(new_folder=True)


def test_a_run_is_done_when_its_figures_are_there_for_the_same_settings() -> None:
    config = load_config(["seed=1"])
    leave("stopped", "seed=1")
    leave("done", "seed=1", done=True)
    assert not finished(config, Path("nowhere"))
    assert not finished(config, Path("stopped"))
    assert finished(config, Path("done"))["vote/val/accuracy"] == 0.5
    assert finished(load_config(["seed=1", "progress=none"]), Path("done"))
    for change in ("vote.flips=true", "trainer.max_epochs=3", "seed=2"):  # it has other figures then
        assert not finished(load_config(["seed=1", change]), Path("done"))
    Path("done/failure.txt").write_text("data/x: cut short\n")
    assert not finished(config, Path("done"))


def test_a_run_goes_on_from_its_last_sound_checkpoint_or_begins() -> None:
    config = load_config(["ckpt_path=auto", "hydra.run.dir=x"])
    assert continued(config, Path("new")) == (config, None)
    leave("run")
    last, best = Path("run/checkpoints/last.ckpt").resolve(), Path("run/checkpoints/best.ckpt").resolve()
    assert continued(config, Path("run"))[0].ckpt_path == str(last)
    store_checkpoint(best)
    damage(last)
    onward, note = continued(config, Path("run"))
    assert (onward.ckpt_path, note) == (
        str(best),
        "run/checkpoints/last.ckpt: missing or damaged; going on from best.ckpt",
    )
    damage(best)
    with pytest.raises(ConfigError, match=r"^ckpt_path=run: checkpoints/last\.ckpt is missing or damaged"):
        continued(config, Path("run"))


def test_a_run_without_readable_settings_is_held_against_its_checkpoint_alone() -> None:
    leave("run")
    Path("run/config.yaml").write_text("")
    assert continued(load_config(), Path("run"))[1] is None  # training compares what is in it
