import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.maps.conv import ConvMap


@given(height=st.integers(2, 33), width=st.integers(2, 33), halve_height=st.booleans(), halve_width=st.booleans())
def test_each_side_stays_or_is_halved(height: int, width: int, halve_height: bool, halve_width: bool) -> None:
    outputs = (2, height // 2 if halve_height else height, width // 2 if halve_width else width)
    assert ConvMap((4, height, width), outputs)(torch.rand(3, 4, height, width)).shape == (3, *outputs)


@given(size=st.integers(2, 33))
def test_every_pixel_is_read(size: int) -> None:
    map = ConvMap((1, size, size), (1, size // 2, size // 2))
    torch.nn.init.ones_(map.conv.weight)
    images = torch.rand(1, 1, size, size, requires_grad=True)
    map(images).sum().backward()
    assert images.grad is not None
    assert (images.grad > 0).all()


@pytest.mark.parametrize(("size", "padding"), [(8, 1), (7, 0)])
def test_it_is_a_convolution_of_stride_two(size: int, padding: int) -> None:
    map, images = ConvMap((4, size, size), (2, size // 2, size // 2)), torch.rand(3, 4, size, size)
    expected = F.conv2d(images, map.conv.weight, map.conv.bias, stride=2, padding=padding)
    torch.testing.assert_close(map(images), expected)
    assert map.conv.weight.shape == (2, 4, 3, 3)
