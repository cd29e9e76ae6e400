"""A whole run by its config: what it leaves in its folder, and what it says of layers that it did not train."""

import errno
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.config.loading import load_config
from lwtrain.errors import ConfigError, DataError
from lwtrain.from_config import build_trainer
from lwtrain.fronts.file import reserve
from lwtrain.training import train

TINY = [
    "model=vgg8b",
    "model.width=0.0625",
    "model.layer_depth=3",
    "encoder=c",
    "encoder.hidden=8",
    "dataset.image_size=16",
    "dataset.fit=scale",
    "labels=200",
    "batch_size=128",
    "schedule.epochs=1",
    "schedule.waves=1",
    "trainer.accelerator=cpu",
    "trainer.limit_train_batches=2",
    "precision=32",
    "progress=none",
]
NAMES = ["layer_0", "layer_1", "head"]


def run(folder: Path, *settings: str) -> dict[str, Any]:
    return train(load_config([*TINY, *settings]), folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    run(folder)
    return folder


@pytest.fixture(scope="module")
def metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def test_metrics_hold_every_accuracy(metrics: dict[str, Any]) -> None:
    for stage in ("val", "test"):
        for name in [*NAMES, "vote"]:
            assert 0 <= metrics[f"{name}/{stage}/accuracy"] <= 1


def test_metrics_hold_the_cost_and_the_settings(metrics: dict[str, Any]) -> None:
    assert metrics["seconds"] > 0
    assert metrics["seconds"] == pytest.approx(sum(metrics["seconds_by_part"].values()))
    assert metrics["layer_images_per_second"] == pytest.approx(3 * 2 * 128 / metrics["seconds"], rel=0.05)
    assert metrics["peak_memory_mib"] > 100
    assert metrics["config"]["model"] == {"name": "vgg8b", "width": 0.0625, "layer_depth": 3, "whitening": False}


def test_the_labelled_images_are_stored_with_the_run(folder: Path) -> None:
    split = json.loads((folder / "split.json").read_text())
    assert len(split["labelled"]) == len(set(split["labelled"])) == 200
    assert len(split["validation"]) == 1000
    assert not set(split["labelled"]) & set(split["validation"])


def test_every_trained_layer_is_stored(folder: Path) -> None:
    assert sorted(path.stem for path in (folder / "layers").iterdir()) == sorted(NAMES)


def test_curves_and_checkpoints_are_there(folder: Path) -> None:
    assert {"metrics.csv", "checkpoints"} <= {path.name for path in folder.iterdir()}
    assert list(folder.glob("events.out.tfevents.*"))
    assert {path.name for path in (folder / "checkpoints").iterdir()} == {"last.ckpt", "best.ckpt"}


def test_layers_never_trained_have_no_say(tmp_path: Path) -> None:
    metrics = run(tmp_path, "trainer.max_epochs=1")
    assert "layer_1/val/accuracy" not in metrics
    assert metrics["vote/val/accuracy"] == metrics["layer_0/val/accuracy"]
    assert [path.stem for path in (tmp_path / "layers").iterdir()] == ["layer_0"]


def test_layers_of_another_run_are_taken_and_not_trained(folder: Path, tmp_path: Path) -> None:
    metrics = run(tmp_path, f"layer.load={folder / 'layers'}")
    assert metrics["layer_images_per_second"] == 0
    earlier = json.loads((folder / "metrics.json").read_text())
    for name in [*NAMES, "vote"]:
        assert metrics[f"{name}/test/accuracy"] == earlier[f"{name}/test/accuracy"]


def test_the_test_images_may_validate(tmp_path: Path) -> None:
    metrics = run(tmp_path, "validation=test")
    assert "vote/val/accuracy" in metrics
    assert "vote/test/accuracy" not in metrics


def test_a_finished_run_that_is_continued_ends_with_the_same_figures(folder: Path, metrics: dict[str, Any]) -> None:
    before = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    again = run(folder, f"ckpt_path={folder / 'checkpoints' / 'last.ckpt'}")
    after = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert again["vote/test/accuracy"] == metrics["vote/test/accuracy"]


def test_other_settings_than_the_checkpoints_are_refused(folder: Path, tmp_path: Path) -> None:
    checkpoint = folder / "checkpoints" / "last.ckpt"
    with pytest.raises(ConfigError, match=r"model\.width=0\.125: the checkpoint was made with model\.width=0\.0625"):
        run(tmp_path, f"ckpt_path={checkpoint}", "model.width=0.125")
    assert not list(tmp_path.iterdir())


def test_other_data_than_the_checkpoints_are_refused(folder: Path, tmp_path: Path) -> None:
    checkpoint = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)
    checkpoint["SemiSupervisedDataModule"]["fingerprint"] = "of other images"
    torch.save(checkpoint, tmp_path / "other.ckpt")
    with pytest.raises(DataError, match="its run had other training data"):
        run(tmp_path / "run", f"ckpt_path={tmp_path / 'other.ckpt'}")
    assert not (tmp_path / "run").exists()


def test_a_front_for_which_there_is_no_space_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", fill)
    with pytest.raises(ConfigError) as caught:
        run(tmp_path, "front=disk")
    assert re.fullmatch(
        rf"front=disk: needs 77\.2 MiB in {tmp_path}, [0-9.]+ [GM]iB are free; "
        "choose another front.folder, or front=recompute",
        str(caught.value),
    )
    assert not {"checkpoints", "layers", "metrics.json"} & {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "metrics.csv").read_text().split() == ["step"]


def test_a_front_on_disk_lies_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[Path] = []
    monkeypatch.setattr(
        "lwtrain.fronts.making.reserve", lambda folder, sizes: folders.append(folder) or reserve(folder, sizes)
    )
    (tmp_path / "fast").mkdir()
    run(tmp_path / "one", "front=disk")
    run(tmp_path / "other", "front=disk", f"front.folder={tmp_path / 'fast'}")
    assert folders == [tmp_path / "one", tmp_path / "fast"]
    assert not list((tmp_path / "fast").iterdir())


def test_a_trainer_that_cannot_be_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has what is asked for")
    with pytest.raises(ConfigError, match=r"^trainer: "):
        run(tmp_path, "trainer.accelerator=cuda")


def test_what_compiling_takes_is_among_the_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwtrain.from_config.CompiledSteps", lambda: CompiledSteps("eager"))
    metrics = run(tmp_path, "compile=true", "trainer.limit_train_batches=1")
    stored = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics["compile_seconds"]) == set(NAMES)
    assert stored["compile_seconds"] == metrics["compile_seconds"]
    assert all(0 < seconds < metrics["seconds"] for seconds in stored["compile_seconds"].values())


def test_a_run_that_is_not_compiled_has_no_such_metric(metrics: dict[str, Any]) -> None:
    assert "compile_seconds" not in metrics


@pytest.mark.parametrize(
    ("setting", "refusal"),
    [
        ("compile=true", r"^compile=true: needs a C\+\+ compiler"),
        ("cuda_graphs=true", "^cuda_graphs=true: needs an NVIDIA GPU"),
    ],
)
def test_steps_that_this_machine_cannot_take_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, refusal: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda command: None)
    with pytest.raises(ConfigError, match=refusal):
        run(tmp_path, setting)
    assert not list(tmp_path.iterdir())


def test_states_for_main_memory_that_lie_there_anyway_are_pointed_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has an accelerator")
    run(tmp_path, "optimizer.resting_state=host", "trainer.accelerator=auto", "trainer.max_epochs=1")
    assert "optimizer.resting_state=host has no effect: there is no accelerator" in caplog.messages


@pytest.mark.parametrize(
    ("settings", "warned"), [("objective=hsic", True), ("objective=hsic schedule=backprop", False), ("seed=1", False)]
)
def test_that_processes_compare_their_own_images_alone_is_pointed_out(
    settings: str, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = load_config([*settings.split(), "trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu"])
    build_trainer(config, tmp_path, callbacks=[], loggers=[], epochs=1)
    line = "objective=hsic compares the rows of a batch: each of the 2 processes compares those of its own share alone"
    assert (line in caplog.messages) == warned
