"""Disks that fill up or cannot be written to in mid-run: the file is named, and nothing that was good is lost."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_disks import SmallDisk, small_disk
from small_runs import CLASSIFIER, train_small
from tiny import differing

from lwtrain.checkpoints import AtomicCheckpointIO, load_checkpoint
from lwtrain.errors import WriteError
from lwtrain.files import write_whole
from lwtrain.whole_archives import is_whole

__all__ = ["small_disk"]

WORDS = (*CLASSIFIER, "model.layer_depth=3", "schedule.waves=2", "callbacks.pictures=0", "callbacks.dashboard=false")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_small(tmp_path_factory.mktemp("undisturbed"), *WORDS)


def weights(folder: Path) -> dict[str, Any]:
    return load_checkpoint(folder / "checkpoints" / "last.ckpt")["state_dict"]


def test_a_full_disk_leaves_the_old_file_and_says_so(small_disk: SmallDisk) -> None:
    path = small_disk.folder / "figures.json"
    write_whole(path, lambda file: file.write(b"old"))
    small_disk.fill(but=4)
    with pytest.raises(WriteError) as caught:
        write_whole(path, lambda file: file.write(bytes(10**6)))
    assert str(caught.value).splitlines() == [
        f"{path}: cannot be written (No space left on device); what was there before is kept.",
        "First free some space",
    ]
    assert path.read_bytes() == b"old"
    assert {each.name for each in small_disk.folder.iterdir()} == {"figures.json", "ballast"}


def test_a_checkpoint_that_does_not_fit_leaves_the_old_one(small_disk: SmallDisk) -> None:
    path = small_disk.folder / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"weight": torch.ones(3)}}, path)
    small_disk.fill(but=64)
    with pytest.raises(WriteError, match=r"last\.ckpt: cannot be written \(No space left on device\)"):
        AtomicCheckpointIO().save_checkpoint({"state_dict": {"weight": torch.zeros(10**6)}}, path)
    assert torch.equal(load_checkpoint(path)["state_dict"]["weight"], torch.ones(3))


def test_a_read_only_disk_is_told_from_a_full_one(small_disk: SmallDisk) -> None:
    path = small_disk.folder / "figures.json"
    write_whole(path, lambda file: file.write(b"old"))
    small_disk.make_read_only()
    with pytest.raises(WriteError) as caught:
        write_whole(path, lambda file: file.write(b"new"))
    assert "(Read-only file system)" in str(caught.value)
    assert str(caught.value).endswith("First make its folder writable")
    assert path.read_bytes() == b"old"


FATES: dict[str, Callable[[SmallDisk], None]] = {
    "full, so that logs fail": lambda disk: disk.fill(but=0),
    "almost full, so that checkpoints fail": lambda disk: disk.fill(but=40),
    "read-only": SmallDisk.make_read_only,
}


@pytest.mark.parametrize("fate", FATES)
def test_a_run_whose_disk_fails_can_go_on_when_it_is_mended(
    fate: str, small_disk: SmallDisk, undisturbed: Path, tmp_path: Path
) -> None:
    run = small_disk.folder / "run"
    train_small(run, *WORDS, "trainer.max_epochs=2")
    before = (run / "checkpoints" / "last.ckpt").read_bytes()
    FATES[fate](small_disk)
    with pytest.raises(WriteError, match=f"{run}.*: cannot be written"):
        train_small(run, *WORDS, f"ckpt_path={run}/checkpoints/last.ckpt")
    assert (run / "checkpoints" / "last.ckpt").read_bytes() == before
    assert is_whole(run / "checkpoints" / "last.ckpt")
    assert not list(run.rglob("*.partial"))
    saved = shutil.copytree(run, tmp_path / "mended")
    train_small(saved, *WORDS, f"ckpt_path={saved}/checkpoints/last.ckpt")
    assert differing(weights(saved), weights(undisturbed)) == []
    assert {path.name for path in saved.glob("layers/*")} == {path.name for path in undisturbed.glob("layers/*")}
