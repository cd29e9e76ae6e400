"""The front on disk: how much space and how much memory it takes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_fronts import CPU, plain, view
from torch import nn

from lwtrain.fronts.disk import DiskFront, DiskRoom
from lwtrain.fronts.file import NamelessFile, reserve
from lwtrain.fronts.size import bytes_per_row, front_bytes


def test_two_rooms_lie_side_by_side_in_the_least_space(tmp_path: Path) -> None:
    (file,) = reserve(tmp_path, [10 * (4 * 16 + 4 * 8)])
    one = DiskRoom(file, 10, torch.empty(1, 16), None)
    other = DiskRoom(file, 10, torch.empty(1, 8), one)
    third = DiskRoom(file, 10, torch.empty(1, 16), other)
    assert [(room.start, room.end) for room in (one, other, third)] == [(0, 640), (640, 960), (0, 640)]
    file.close()


def test_a_file_has_to_hold_two_rooms(tmp_path: Path, layers: list[nn.Module]) -> None:
    sizes = bytes_per_row(view(), layers[:2], plain, CPU)
    file = NamelessFile(tmp_path, front_bytes(sizes, 300) - 1)
    front, shown = DiskFront(layers, plain, file), view()
    front.advance(1, shown)
    with pytest.raises(AssertionError, match="smaller than what it is to hold"):
        front.advance(2, shown)
    file.close()


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5), (1, 4, 4), (5, 1, 1)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8])
def test_a_room_gives_back_what_it_was_given(shape: tuple[int, ...], dtype: torch.dtype, tmp_path: Path) -> None:
    given = (torch.rand(20, *shape) * 200).to(dtype)
    (file,) = reserve(tmp_path, [given.nbytes])
    room = DiskRoom(file, 20, given, None)
    room.write(slice(0, 12), given[:12])
    rows = torch.tensor([19, 12, 13, 14, 18, 17, 15, 16])
    room.write(rows, given[rows])
    assert torch.equal(room.read(slice(0, 20)), given)
    for wanted in (rows, torch.arange(20), torch.tensor([3]), torch.tensor([5, 5, 6, 4])):
        read = room.read(wanted)
        assert read.dtype == dtype
        assert torch.equal(read, given[wanted])
    file.close()


def grown(kind: str, folder: Path) -> float:
    """Give the MiB by which a process grows that rolls a front of 160 MiB and reads all of it."""
    worker = Path(__file__).with_name("resident_worker.py")
    return float(subprocess.run([sys.executable, worker, kind, folder], capture_output=True, text=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_holds_no_more_than_the_batches_under_way(tmp_path: Path) -> None:
    assert grown("disk", tmp_path) < 40
    assert grown("memory", tmp_path) > 150
    assert list(tmp_path.iterdir()) == []
