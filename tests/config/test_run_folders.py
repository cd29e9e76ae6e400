"""The folder of a run: taken or free, and continued with the settings it was made with."""

import errno
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from stored_checkpoints import damage, store_checkpoint

from lwtrain.config.command_line import CommandLine
from lwtrain.config.loading import load_config
from lwtrain.config.run_folders import check_new_folder, is_first_process, store_settings
from lwtrain.config.schema import VoteConfig
from lwtrain.errors import ConfigError


def earlier_run(folder: Path, *words: str, age: int = 0) -> Path:
    """What a run leaves behind, as far as a command line looks at it."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(list(words)))
    store_settings(load_config(words), folder)
    checkpoint = store_checkpoint(folder / "checkpoints" / "last.ckpt")
    os.utime(checkpoint, (1e9 - age, 1e9 - age))
    return checkpoint


def refusal(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        CommandLine(words).check(new_folder=True)
    return str(caught.value)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tests run in an empty folder, so `outputs` is what they make of it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_last_is_the_run_that_stored_a_checkpoint_last(tmp_path: Path) -> None:
    earlier_run(Path("outputs/day/one"), age=50)
    checkpoint = earlier_run(Path("outputs/day/two"), "model=vgg13", "labels=100", age=10)
    earlier_run(Path("outputs/day/sweep/0"), age=20)
    command_line = CommandLine(["ckpt_path=last"])
    (config,) = command_line.check(new_folder=True)
    assert config.model.name == "vgg13"
    assert config.ckpt_path == str(tmp_path / checkpoint)
    assert command_line.for_hydra() == [
        "model=vgg13",
        "labels=100",
        f"ckpt_path='{tmp_path / checkpoint}'",
        f"hydra.run.dir='{tmp_path}/outputs/day/two'",
    ]


@pytest.mark.parametrize("form", ["run", "run/checkpoints/last.ckpt"])
def test_a_folder_and_a_file_name_a_run(form: str) -> None:
    earlier_run(Path("run"), "seed=7")
    (config,) = CommandLine([f"ckpt_path={form}"]).check(new_folder=True)
    assert config.seed == 7


def test_paths_with_signs_in_them_survive() -> None:
    earlier_run(Path("it's, a=run"), "seed=7")
    command_line = CommandLine(['ckpt_path="it\'s, a=run"'])
    command_line.check(new_folder=True)
    (config,) = CommandLine(command_line.for_hydra()).check(new_folder=True)
    assert config.ckpt_path == str(Path("it's, a=run/checkpoints/last.ckpt").resolve())


def test_a_run_can_be_continued_again_and_by_further_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    earlier_run(Path("run"), "seed=7")
    once = CommandLine(["ckpt_path=run"])
    once.check(new_folder=True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    again = CommandLine([*once.for_hydra(), "hydra.run.dir='run'", "hydra.job.name=process_1"])
    assert again.check(new_folder=True) == once.check()


def test_settings_that_do_not_touch_training_may_change() -> None:
    earlier_run(Path("run"), "model=vgg13", "progress=rich")
    words = ["progress=none", "data_dir=x", "front=recompute", "logger.csv=false", "layer.store=false", "compile=true"]
    (config,) = CommandLine(["ckpt_path=run", *words, "trainer.accelerator=cpu"]).check(new_folder=True)
    assert (config.progress, config.trainer.accelerator, config.model.name) == ("none", "cpu", "vgg13")


def test_votes_may_be_counted_anew() -> None:
    earlier_run(Path("run"), "vote.weights=doubling")
    (config,) = CommandLine(["ckpt_path=run", "vote.flips=true"]).check(new_folder=True)
    assert config.vote == VoteConfig("doubling", flips=True)
    (config,) = CommandLine(["ckpt_path=run", "vote.weights=accuracy"]).check(new_folder=True)
    assert config.vote == VoteConfig("accuracy", flips=False)


def test_the_front_may_change_and_the_views_may_not() -> None:
    words = ["schedule=sequential", "dataset.augmentation=light", "front.views=2"]
    earlier_run(Path("run"), *words)
    (config,) = CommandLine(["ckpt_path=run", "front=disk", "front.folder=."]).check(new_folder=True)
    assert (config.front.name, config.front.views, config.front.folder) == ("disk", 2, ".")
    (line, _) = refusal("ckpt_path=run", "front.views=1").splitlines()
    assert line == "front.views=1: the checkpoint was made with front.views=2"


def test_limits_of_an_earlier_start_are_not_carried_over() -> None:
    limits = ["trainer.max_epochs=1", "trainer.max_steps=9", "trainer.max_time=00:00:00:01", "trainer.fast_dev_run=2"]
    earlier_run(Path("run"), "trainer.log_every_n_steps=3", *limits)
    (config,) = CommandLine(["ckpt_path=run"]).check()
    assert config.trainer == replace(load_config().trainer, log_every_n_steps=3)
    (config,) = CommandLine(["ckpt_path=run", "trainer.max_epochs=5"]).check()
    assert (config.trainer.max_epochs, config.trainer.max_time) == (5, None)


def test_settings_that_would_train_something_else_are_refused_by_name() -> None:
    earlier_run(Path("run"), "encoder=pool", "encoder.grid=2", "model.width=0.5")
    said = refusal("ckpt_path=run", "model=vgg13", "encoder=c", "labels=100", "model.width=1", "seed=0")
    assert said.splitlines() == [
        "labels=100: the checkpoint was made with labels=all",
        "model=vgg13: the checkpoint was made with model=vgg11",
        "encoder=c: the checkpoint was made with encoder=pool",
        "Go on without these changes, or start a new run without ckpt_path",
    ]
    assert refusal("ckpt_path=run", "model.width=1").startswith(
        "model.width=1.0: the checkpoint was made with model.width=0.5\n"
    )


@pytest.mark.parametrize(
    ("change", "before"),
    [
        ("sync_batchnorm=true", "false"),
        ("limit_train_batches=5", "null"),
        ("accumulate_grad_batches=2", "1"),
        ("gradient_clip_val=0.5", "null"),
        ("gradient_clip_algorithm=norm", "null"),
    ],
)
def test_settings_of_the_trainer_that_change_its_steps_are_refused(change: str, before: str) -> None:
    earlier_run(Path("run"))
    name, _, _ = change.partition("=")
    (line, _) = refusal("ckpt_path=run", f"trainer.{change}").splitlines()
    assert line == f"trainer.{change}: the checkpoint was made with trainer.{name}={before}"


@pytest.mark.parametrize("words", ["trainer=ddp", "trainer.devices=2", "trainer.num_nodes=2", "trainer.strategy=ddp"])
def test_another_number_of_processes_may_go_on(words: str) -> None:
    earlier_run(Path("run"), "trainer.devices=3", "trainer.strategy=ddp")
    (config,) = CommandLine(["ckpt_path=run", words]).check()
    assert (config.trainer.devices, config.trainer.num_nodes) != (3, 1) or words == "trainer.strategy=ddp"


def test_defaults_that_changed_since_are_noticed() -> None:
    checkpoint = earlier_run(Path("run"))
    stored = checkpoint.parents[1] / "config.yaml"
    stored.write_text(stored.read_text().replace("batch_size: 64", "batch_size: 256"))
    assert refusal("ckpt_path=run").startswith("batch_size=64: the checkpoint was made with batch_size=256")
    (config,) = CommandLine(["ckpt_path=run", "batch_size=256"]).check()
    assert config.batch_size == 256


def test_a_checkpoint_outside_a_run_goes_on_with_the_settings_given() -> None:
    Path("elsewhere.ckpt").touch()
    command_line = CommandLine(["ckpt_path=elsewhere.ckpt", "model=vgg13"])
    (config,) = command_line.check(new_folder=True)
    assert config.model.name == "vgg13"
    assert not any("hydra.run.dir" in word for word in command_line.for_hydra())


def test_another_folder_may_be_given_to_go_on_in() -> None:
    earlier_run(Path("run"), "seed=7")
    command_line = CommandLine(["ckpt_path=run", "hydra.run.dir=fork"])
    (config,) = command_line.check(new_folder=True)
    assert config.seed == 7
    assert [word for word in command_line.for_hydra() if "run.dir" in word] == ["hydra.run.dir=fork"]


def test_last_is_looked_for_in_the_folder_given() -> None:
    earlier_run(Path("outputs/a"), "seed=1", age=0)
    earlier_run(Path("mine"), "seed=2", age=100)
    (config,) = CommandLine(["ckpt_path=last", "hydra.run.dir=mine"]).check(new_folder=True)
    assert config.seed == 2


@pytest.mark.parametrize(
    ("ckpt_path", "said"),
    [
        ("last", "ckpt_path=last: no checkpoint below outputs/ yet; start a run without ckpt_path"),
        ("gone", "ckpt_path=gone: no such checkpoint; choose last, a run's folder or a .ckpt file"),
        ("gone.ckpt", "ckpt_path=gone.ckpt: no such checkpoint; choose last, a run's folder or a .ckpt file"),
        ("''", "ckpt_path=: no such checkpoint; choose last, a run's folder or a .ckpt file"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_said_so(ckpt_path: str, said: str) -> None:
    assert refusal(f"ckpt_path={ckpt_path}") == said


@pytest.mark.parametrize("damage", ["{", "", "3", "\0"])
def test_damaged_settings_are_said_so(damage: str) -> None:
    earlier_run(Path("run"))
    Path("run/config.yaml").write_text(damage)
    assert refusal("ckpt_path=run").startswith("ckpt_path=run: ")


def test_a_multirun_continues_nothing() -> None:
    earlier_run(Path("outputs/run"))
    with pytest.raises(ConfigError, match="ckpt_path=last: not with -m; choose auto, or go on with one run at a"):
        CommandLine(["ckpt_path=last", "seed=1,2"], multirun=True).check()


def test_a_folder_with_a_run_in_it_is_not_overwritten() -> None:
    earlier_run(Path("run"))
    assert refusal("hydra.run.dir=run") == (
        "hydra.run.dir=run: it holds a run; choose another, or go on with it: ckpt_path=run"
    )
    earlier_run(Path("sweep/0"))
    with pytest.raises(ConfigError, match=r"sweep: it holds runs; choose another, or go on with them: ckpt_path=auto$"):
        CommandLine(["hydra.sweep.dir=sweep", "seed=1,2"], multirun=True).check(new_folder=True)
    check_new_folder(Path("sweep"), "hydra.run.dir")  # runs of one experiment may lie side by side


def test_a_folder_that_cannot_be_written_to_is_said_so() -> None:
    Path("file").touch()
    assert refusal("hydra.run.dir=file/run").startswith(
        "hydra.run.dir=file/run: cannot be written to (Not a directory)"
    )
    assert "hydra.run.dir=/proc/run: cannot be written to" in refusal("hydra.run.dir=/proc/run")
    assert not list(Path().glob("outputs*"))


def test_a_run_that_stored_no_checkpoint_is_not_overwritten_either() -> None:
    for folder in ("run", "sweep/0"):
        Path(folder).mkdir(parents=True)
        Path(folder, "metrics.json").touch()
    assert refusal("hydra.run.dir=run") == "hydra.run.dir=run: it holds a run; choose another"
    with pytest.raises(ConfigError, match=r"hydra.sweep.dir=sweep: it holds runs; choose another, or go on"):
        check_new_folder(Path("sweep"), "hydra.sweep.dir")


def test_a_run_is_continued_only_where_it_can_write(monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(dir: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", dir)

    earlier_run(Path("run"))
    folder = Path("run").resolve()
    monkeypatch.setattr(tempfile, "TemporaryFile", deny)  # taking permissions away does not stop root
    said = f"hydra.run.dir={folder}: cannot be written to (Permission denied); choose another"
    assert refusal("ckpt_path=run") == said


def test_only_the_first_process_claims_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_first_process()
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert is_first_process()
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert not is_first_process()


@pytest.mark.parametrize("form", ["run", "last"])
@pytest.mark.parametrize("fate", ["damaged", "cut short"])
def test_a_damaged_last_checkpoint_is_passed_over_for_the_best(form: str, fate: str) -> None:
    checkpoint = earlier_run(Path("outputs/run"), "seed=7")
    best = store_checkpoint(checkpoint.with_name("best.ckpt"))
    if fate == "damaged":
        damage(checkpoint)
    else:
        checkpoint.write_bytes(checkpoint.read_bytes()[:-9])
    command_line = CommandLine(["ckpt_path=" + ("last" if form == "last" else "outputs/run")])
    (config,) = command_line.check(new_folder=True)
    assert (config.ckpt_path, config.seed) == (str(best.resolve()), 7)
    assert len(command_line.notes()) == 1
    assert "outputs/run/checkpoints/last.ckpt: missing or damaged" in command_line.notes()[0]


def test_a_missing_last_checkpoint_is_passed_over_for_the_best() -> None:
    checkpoint = earlier_run(Path("run"), "seed=7")
    checkpoint.rename(checkpoint.with_name("best.ckpt"))
    (config,) = CommandLine(["ckpt_path=run"]).check(new_folder=True)
    assert config.ckpt_path is not None
    assert config.ckpt_path.endswith("best.ckpt")


def test_a_sound_run_brings_no_notes() -> None:
    earlier_run(Path("run"))
    assert CommandLine(["ckpt_path=run"]).notes() == []
    assert CommandLine([]).notes() == []


@pytest.mark.parametrize("layers", [True, False])
def test_where_no_checkpoint_is_sound_the_remedy_is_named(layers: bool) -> None:
    checkpoint = earlier_run(Path("run"))
    damage(checkpoint)
    if layers:
        Path("run/layers").mkdir()
        Path("run/layers/layer_0.safetensors").touch()
    first, second = refusal("ckpt_path=run").splitlines()
    assert first.startswith("ckpt_path=run: checkpoints/last.ckpt is missing or damaged, and there is no sound")
    assert ("layer.load=run/layers" in second) is layers


def test_auto_begins_a_run_where_there_is_none() -> None:
    command_line = CommandLine(["seed=5", "ckpt_path=auto", "hydra.run.dir=run"])
    (config,) = command_line.check(new_folder=True)
    assert config.ckpt_path is None
    assert command_line.for_hydra() == ["seed=5", "hydra.run.dir=run"]


def test_auto_goes_on_with_the_run_that_is_there() -> None:
    checkpoint = earlier_run(Path("run"), "seed=5")
    (config,) = CommandLine(["seed=5", "ckpt_path=auto", "hydra.run.dir=run"]).check(new_folder=True)
    assert (config.ckpt_path, config.seed) == (str(checkpoint.resolve()), 5)
    assert refusal("seed=6", "ckpt_path=auto", "hydra.run.dir=run").startswith("seed=6: the checkpoint was made with")


def test_auto_has_to_know_the_folder() -> None:
    assert refusal("ckpt_path=auto") == "ckpt_path=auto: say where the run lies, or is to lie: hydra.run.dir=FOLDER"
