import io
import pickle
import re
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from intruder import Intruder
from tiny import differing, fit, tensors, tiny_stack
from torch import Tensor

from lwtrain import WaveSchedule
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import AtomicCheckpointIO, load_checkpoint
from lwtrain.errors import DataError
from lwtrain.stored_tensors import check_same_shapes

CONFIG = {"seed": 0, "model": {"name": "tiny", "rates": [0.1, 0.2]}, "ckpt_path": None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoints of a run that was stopped in the second wave."""
    folder = tmp_path_factory.mktemp("checkpoints")
    schedule = WaveSchedule(epochs=2, waves=2)
    fit(schedule, callbacks=[Stopwatch(schedule)], folder=folder, max_epochs=4, config=CONFIG)
    return folder


def strangers(value: object, place: str = "checkpoint") -> list[str]:
    """The places in nested containers that hold more than tensors and plain Python values."""
    if type(value) in (dict, OrderedDict):
        assert isinstance(value, dict)
        return [found for key, inner in value.items() for found in strangers(key) + strangers(inner, f"{place}.{key}")]
    if type(value) in (list, tuple):
        assert isinstance(value, (list, tuple))
        return [found for number, inner in enumerate(value) for found in strangers(inner, f"{place}[{number}]")]
    return [] if type(value) in (Tensor, bool, int, float, str, type(None)) else [f"{place}: {type(value)}"]


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_checkpoints_hold_plain_values_only(folder: Path, name: str) -> None:
    checkpoint = torch.load(folder / name, weights_only=True)
    assert strangers(checkpoint) == []
    assert checkpoint["config"] == CONFIG


def test_nothing_is_pickled_but_torchs_own_tensors(folder: Path) -> None:
    with zipfile.ZipFile(folder / "last.ckpt") as archive:
        pickled = next(archive.read(name) for name in archive.namelist() if name.endswith("data.pkl"))
    assert b"lwtrain" not in pickled
    assert b"omegaconf" not in pickled
    assert b"pathlib" not in pickled


def test_last_is_of_the_last_epoch_and_best_of_the_best_vote(folder: Path) -> None:
    last, best = (load_checkpoint(folder / name) for name in ("last.ckpt", "best.ckpt"))
    assert (last["epoch"], best["epoch"]) == (3, 2)  # the head closed the first wave in epoch 2
    assert last["callbacks"]["RunCheckpoints"] == best["callbacks"]["RunCheckpoints"]
    assert not list(folder.glob("*.partial"))


def test_a_wave_without_a_better_vote_leaves_the_best(tmp_path: Path) -> None:
    fit(WaveSchedule(epochs=2, waves=2), folder=tmp_path, max_epochs=3)
    first = (tmp_path / "best.ckpt").read_bytes()
    fit(WaveSchedule(epochs=2, waves=2), resume=tmp_path / "last.ckpt", folder=tmp_path, limit_val_batches=0)
    assert load_checkpoint(tmp_path / "last.ckpt")["epoch"] == 5
    assert (tmp_path / "best.ckpt").read_bytes() == first


def test_the_best_vote_is_stored_before_the_last_epoch_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[str] = []
    save = AtomicCheckpointIO.save_checkpoint

    def noted(self: AtomicCheckpointIO, checkpoint: dict[str, Any], path: Path, **options: Any) -> None:
        saved.append(path.name)
        save(self, checkpoint, path, **options)

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", noted)
    fit(WaveSchedule(epochs=1, waves=1), folder=tmp_path)
    assert saved == ["last.ckpt", "last.ckpt", "best.ckpt", "last.ckpt"]  # after a kill in between, best comes again


def test_a_kill_while_saving_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"state_dict": {"weight": torch.ones(3)}}, path)
    before = path.read_bytes()

    def die_midway(checkpoint: object, file: Any) -> None:
        file.write(before[: len(before) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", die_midway)
    with pytest.raises(KeyboardInterrupt):
        AtomicCheckpointIO().save_checkpoint({"state_dict": {"weight": torch.zeros(3)}}, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999])
def test_a_checkpoint_cut_short_is_refused(folder: Path, tmp_path: Path, share: float) -> None:
    content = (folder / "last.ckpt").read_bytes()
    path = tmp_path / "short.ckpt"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"^ckpt_path=.*short\.ckpt: not a readable checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize("seed", range(60))
def test_random_bytes_are_refused(tmp_path: Path, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    noise = bytes(torch.randint(0, 256, (200,), generator=generator).tolist())
    path = tmp_path / "noise.ckpt"
    for start in (b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x02}q\x00("):  # as zips and pickles begin
        path.write_bytes(start + noise)
        with pytest.raises(DataError, match="not a readable checkpoint"):
            load_checkpoint(path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "bare pickle"])
def test_a_malicious_checkpoint_is_refused_and_nothing_of_it_runs(tmp_path: Path, kind: str) -> None:
    trace, path = tmp_path / "trace", tmp_path / "evil.ckpt"
    evil = {"state_dict": {}, "callbacks": Intruder(trace)}
    if kind == "bare pickle":
        path.write_bytes(pickle.dumps(evil, protocol=2))
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_checkpoint(path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Intruder(trace)))
    assert trace.exists(), "the intruder would have left a trace"


def test_a_malicious_checkpoint_is_refused_by_a_fit_too(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "evil.ckpt"
    torch.save({"state_dict": {}, "callbacks": Intruder(trace)}, path)
    with pytest.raises(DataError, match="not a readable checkpoint"):
        fit(WaveSchedule(epochs=1, waves=1), resume=path)
    assert not trace.exists()


@pytest.mark.parametrize("content", [[1, 2], {"weights": torch.ones(1)}, torch.ones(2), "text"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(DataError, match="not a checkpoint of lwtrain"):
        load_checkpoint(tmp_path / "other.ckpt")


def test_a_missing_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.ckpt: there is no such file"):
        load_checkpoint(tmp_path / "none.ckpt")
    with pytest.raises(DataError, match="not a readable checkpoint"):
        load_checkpoint(tmp_path)


def test_a_checkpoint_fits_its_own_network(folder: Path) -> None:
    check_same_shapes(load_checkpoint(folder / "last.ckpt")["state_dict"], tiny_stack(seed=5).state_dict(), "")


def test_a_checkpoint_of_another_network_is_refused(folder: Path) -> None:
    stored = load_checkpoint(folder / "last.ckpt")["state_dict"]
    with pytest.raises(DataError) as wider:
        check_same_shapes(stored, tiny_stack(channels=5).state_dict(), "ckpt_path=a.ckpt: of another network")
    first, second = str(wider.value).splitlines()
    assert re.fullmatch(r"ckpt_path=a\.ckpt: of another network; \d+ tensors differ\.", first)
    assert second == "The first: layers.0.layer.0.bias is (4,) in the file, (5,) here"
    with pytest.raises(DataError) as lighter:
        check_same_shapes(stored, tiny_stack(encoder="pool", alpha=0.5).state_dict(), "")
    assert "layers.0.objective.alpha.x is () in the file, missing here" in str(lighter.value)


def test_what_is_saved_is_what_is_loaded(folder: Path) -> None:
    stack = tiny_stack(seed=3)
    checkpoint = load_checkpoint(folder / "last.ckpt")
    stack.load_state_dict(checkpoint["state_dict"])
    assert differing(tensors(stack), {**tensors(stack), **checkpoint["state_dict"]}) == []
    assert stack.layers[0].objective.alpha.x != 0


def test_a_checkpoint_is_as_large_as_its_tensors(folder: Path) -> None:
    """Views into larger tensors would be stored with all of them."""
    checkpoint = load_checkpoint(folder / "last.ckpt")
    plain = io.BytesIO()
    torch.save({name: tensor.clone() for name, tensor in checkpoint["state_dict"].items()}, plain)
    assert (folder / "last.ckpt").stat().st_size < 5 * len(plain.getvalue())  # Adam keeps two numbers for each
