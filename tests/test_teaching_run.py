"""A trained run that labels images for another, and what it must not have seen."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from small_runs import CLASSIFIER, train_small
from tiny import differing

from lwtrain.config.loading import load_config
from lwtrain.errors import ConfigError, DataError
from lwtrain.from_config import build_data
from lwtrain.teaching_run import load_teacher
from lwtrain.trained_run import load_run

LABELS = (*(word for word in CLASSIFIER if not word.startswith("encoder")), "labels=30")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was trained on few labels."""
    return train_small(tmp_path_factory.mktemp("teacher"), *LABELS)


def taught(teacher: Path, folder: Path, *words: str) -> Path:
    return train_small(folder, *LABELS, f"pseudo_labels.teacher={teacher}", "pseudo_labels.ramp=0", *words)


def test_a_run_learns_what_another_takes_images_for(teacher: Path, tmp_path: Path) -> None:
    run = taught(teacher, tmp_path, "pseudo_labels.share=1")
    loaded = load_run(teacher)
    train, unlabelled = loaded.data.train, loaded.data.unlabelled
    right = loaded.stack.vote(train.images[unlabelled]).argmax(dim=1) == train.labels[unlabelled]
    figures = json.loads((run / "metrics.json").read_text())
    assert figures["vote/pseudo_labels/share"] == 1
    assert figures["vote/pseudo_labels/accuracy"] == pytest.approx(right.float().mean().item())
    assert len(unlabelled) == 105


def test_loading_a_teacher_draws_nothing(teacher: Path) -> None:
    data = build_data(load_config(LABELS))
    torch.manual_seed(5)
    load_teacher(teacher, data)
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), after)


def test_the_teacher_need_not_be_there_for_what_it_taught(teacher: Path, tmp_path: Path) -> None:
    gone = shutil.copytree(teacher, tmp_path / "teacher")
    run = taught(gone, tmp_path / "run")
    before = load_run(run).stack.state_dict()
    shutil.rmtree(gone)
    assert differing(dict(before), dict(load_run(run).stack.state_dict())) == []


@pytest.mark.parametrize("other", ["seed=1", "labels=45", "validation=0.2", "dataset.num_images=180"])
def test_it_must_not_know_what_is_held_out(other: str, teacher: Path, tmp_path: Path) -> None:
    message = rf"^pseudo_labels\.teacher={teacher}: trained on other images, labels or validation images; choose the"
    with pytest.raises(DataError, match=message):
        taught(teacher, tmp_path, other)


def test_a_damaged_teacher_is_told(teacher: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(teacher, tmp_path / "teacher")
    (damaged / "checkpoints" / "last.ckpt").write_bytes(b"PK")
    with pytest.raises(DataError, match=rf"^pseudo_labels\.teacher={damaged}/checkpoints/last\.ckpt: "):
        taught(damaged, tmp_path / "run")


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^pseudo_labels\.teacher={tmp_path}: no trained run \(there is no check"):
        load_config([*LABELS, f"pseudo_labels.teacher={tmp_path}"])
