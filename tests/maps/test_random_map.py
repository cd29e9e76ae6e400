from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from lwtrain.maps.random_map import RandomMap

sides = st.integers(1, 6)


def numbered(*shape: int) -> Tensor:
    """Two images in which no two numbers are the same."""
    return torch.arange(2.0 * torch.Size(shape).numel()).reshape(2, *shape)


@given(channels=sides, height=sides, width=sides)
def test_among_as_many_places_it_is_a_permutation(channels: int, height: int, width: int) -> None:
    images = numbered(channels, height, width)
    shuffled = RandomMap((channels, height, width), (width, channels, height))(images)
    assert shuffled.shape == (2, width, channels, height)
    for before, after in zip(images, shuffled, strict=True):
        assert sorted(after.flatten().tolist()) == before.flatten().tolist()


def test_fewer_places_take_no_number_twice() -> None:
    chosen = RandomMap((8, 4, 4), (3, 4, 4))(numbered(8, 4, 4))
    assert chosen[0].unique().numel() == 3 * 4 * 4


def test_more_places_take_each_number_as_often_as_another() -> None:
    repeated = RandomMap((1, 4, 4), (3, 4, 4))(numbered(1, 4, 4))
    assert repeated[0].unique(return_counts=True)[1].tolist() == [3] * 16


def test_all_images_are_shuffled_alike_and_the_order_changes() -> None:
    images = torch.rand(1, 4, 8, 8).expand(5, 4, 8, 8)
    shuffled = RandomMap((4, 8, 8), (4, 8, 8))(images)
    assert (shuffled == shuffled[0]).all()
    assert (shuffled[0] == images[0]).float().mean() < 0.1


def test_it_keeps_one_index_for_each_place_and_no_matrix() -> None:
    map = RandomMap((64, 32, 32), (3, 32, 32))
    assert {name: buffer.shape for name, buffer in map.state_dict().items()} == {"places": (3 * 32 * 32,)}
    assert list(map.parameters()) == []


def test_the_seed_draws_the_permutation() -> None:
    def places(seed: int) -> list[int]:
        torch.manual_seed(seed)
        return RandomMap((4, 4, 4), (4, 4, 4)).places.tolist()

    assert places(0) == places(0) != places(1)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_the_same_after_it_was_saved(seed: int, tmp_path: Path) -> None:
    torch.manual_seed(seed)
    map, other = (RandomMap((6, 4, 4), (3, 4, 4)) for _ in range(2))
    images = torch.rand(2, 6, 4, 4)
    assert not torch.equal(other(images), map(images))
    save_file(map.state_dict(), tmp_path / "map.safetensors")
    other.load_state_dict(load_file(tmp_path / "map.safetensors"))
    assert torch.equal(other(images), map(images))
