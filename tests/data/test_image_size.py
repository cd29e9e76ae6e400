import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lwtrain.data.image_size import bring_to_size


def test_nothing_is_done_where_the_size_is_right() -> None:
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    assert bring_to_size(images, 8, "pad") is images
    assert bring_to_size(images, 8, "scale") is images


@given(st.integers(1, 9), st.integers(0, 7))
def test_padding_keeps_the_image_in_the_middle(size: int, more: int) -> None:
    images = torch.randint(1, 256, (2, 3, size, size), dtype=torch.uint8)
    padded = bring_to_size(images, size + more, "pad")
    start = more // 2
    assert padded.shape == (2, 3, size + more, size + more)
    assert torch.equal(padded[..., start : start + size, start : start + size], images)
    assert int(padded.count_nonzero()) == images.numel()


@given(st.integers(1, 40), st.integers(2, 40), st.integers(0, 255))
def test_scaling_keeps_a_plain_picture_plain(size: int, wanted: int, value: int) -> None:
    images = torch.full((1, 3, size, size), value, dtype=torch.uint8)
    assert torch.equal(bring_to_size(images, wanted, "scale"), torch.full((1, 3, wanted, wanted), value).byte())


@pytest.mark.parametrize("wanted", [7, 14, 32, 56])
def test_scaling_is_bilinear_to_within_rounding(wanted: int) -> None:
    images = torch.randint(0, 256, (4, 3, 28, 28), dtype=torch.uint8)
    exact = torch.nn.functional.interpolate(images.double(), (wanted, wanted), mode="bilinear", antialias=True)
    assert (bring_to_size(images, wanted, "scale").double() - exact).abs().max() <= 1.01


def test_scaling_down_averages_instead_of_skipping_pixels() -> None:
    stripes = torch.tensor([0, 255], dtype=torch.uint8).repeat(16).expand(1, 1, 32, 32)
    inside = bring_to_size(stripes, 8, "scale")[..., 1:-1].int()  # the outermost pixels weigh one stripe more
    assert (inside - 127).abs().max() <= 1
