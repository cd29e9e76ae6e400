import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.maps import MAPS

IMAGE = torch.tensor([[[[1.0, 2.0, 0.0], [3.0, 6.0, 9.0], [7.0, 7.0, 7.0]]]])


def test_pool_takes_the_largest_of_each_square_and_drops_the_odd_edge() -> None:
    assert MAPS["pool"]()(IMAGE).tolist() == [[[[6.0]]]]


def test_average_takes_the_mean_of_each_square() -> None:
    assert MAPS["average"]()(IMAGE).tolist() == [[[[3.0]]]]


@given(height=st.integers(2, 40), width=st.integers(2, 40), name=st.sampled_from(list(MAPS)))
def test_every_map_halves_height_and_width(name: str, height: int, width: int) -> None:
    assert MAPS[name]()(torch.zeros(2, 3, height, width)).shape == (2, 3, height // 2, width // 2)


@pytest.mark.parametrize("name", list(MAPS))
def test_maps_keep_the_memory_format(name: str) -> None:
    images = torch.rand(2, 3, 8, 8).to(memory_format=torch.channels_last)
    assert MAPS[name]()(images).is_contiguous(memory_format=torch.channels_last)


def test_unknown_map_names_the_choices() -> None:
    with pytest.raises(ValueError, match="map=pol: did you mean 'pool'\\? Choices: average, pool"):
        MAPS["pol"]
