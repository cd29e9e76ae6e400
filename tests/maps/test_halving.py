import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.maps import MAPS
from lwtrain.maps.halving import halved

IMAGE = torch.tensor([[[[1.0, 2.0, 0.0], [3.0, 6.0, 9.0], [7.0, 7.0, 7.0]]]])


def test_pool_takes_the_largest_of_each_square_and_drops_the_odd_edge() -> None:
    assert MAPS["pool"]((1, 3, 3), (1, 1, 1))(IMAGE).tolist() == [[[[6.0]]]]


def test_average_takes_the_mean_of_each_square() -> None:
    assert MAPS["average"]((1, 3, 3), (1, 1, 1))(IMAGE).tolist() == [[[[3.0]]]]


@given(height=st.integers(2, 40), width=st.integers(2, 40), name=st.sampled_from(["pool", "average", "conv"]))
def test_whatever_may_stand_where_a_vgg_pools_halves_any_size(name: str, height: int, width: int) -> None:
    outputs = halved((3, height, width))
    assert outputs == (3, height // 2, width // 2)
    assert MAPS[name]((3, height, width), outputs)(torch.zeros(2, 3, height, width)).shape == (2, *outputs)


def test_nothing_is_nothing() -> None:
    images = torch.rand(2, 3, 4, 4)
    assert MAPS["none"]((3, 4, 4), (3, 4, 4))(images) is images


@pytest.mark.parametrize("name", ["pool", "average", "none"])
def test_these_maps_have_nothing_to_learn(name: str) -> None:
    outputs = (3, 4, 4) if name == "none" else (3, 2, 2)
    assert list(MAPS[name]((3, 4, 4), outputs).state_dict()) == []
