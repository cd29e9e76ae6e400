from pathlib import Path

import pytest
import torch

from lwtrain.checkpoints import load_checkpoint
from lwtrain.errors import DataError
from lwtrain.whole_archives import is_whole


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A checkpoint with all kinds of things in it, as small as they come."""
    path = tmp_path / "whole.ckpt"
    torch.save({"state_dict": {"weight": torch.arange(5.0)}, "epoch": 3, "callbacks": {"best": 0.5}}, path)
    return path


def test_a_checkpoint_is_whole_as_it_was_written(stored: Path) -> None:
    assert is_whole(stored)


def test_a_checkpoint_that_is_missing_or_no_file_is_not(tmp_path: Path) -> None:
    assert not is_whole(tmp_path / "none.ckpt")
    assert not is_whole(tmp_path)


def test_a_checkpoint_cut_short_at_any_byte_is_not(stored: Path, tmp_path: Path) -> None:
    content, path = stored.read_bytes(), tmp_path / "short.ckpt"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert not is_whole(path), length


@pytest.mark.parametrize("flip", [0x01, 0x10, 0x80, 0xFF])
@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_whatever_byte_is_damaged_the_content_is_refused_or_the_same(flip: int, stored: Path, tmp_path: Path) -> None:
    content, path = stored.read_bytes(), tmp_path / "damaged.ckpt"
    expected, refused = load_checkpoint(stored), 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= flip
        path.write_bytes(damaged)
        try:
            found = load_checkpoint(path)
        except DataError:
            refused += 1
            continue
        assert torch.equal(found["state_dict"]["weight"], expected["state_dict"]["weight"]), place
        assert {**found, "state_dict": None} == {**expected, "state_dict": None}, place
    assert refused > len(content) / 2  # what torch leaves empty between the parts does no harm


def test_torch_alone_would_hand_out_a_flipped_weight(stored: Path) -> None:
    """The reason why sums are checked at all; if this fails, torch has learned to."""
    content = bytearray(stored.read_bytes())
    content[content.index(torch.arange(5.0).numpy().tobytes()) + 2] ^= 0x40
    stored.write_bytes(content)
    assert not torch.equal(torch.load(stored, weights_only=True)["state_dict"]["weight"], torch.arange(5.0))
    assert not is_whole(stored)
