import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lwtrain import convolution
from lwtrain.convolution import SameConv2d, convolve_by_product

SIZES = st.integers(1, 5)


@settings(deadline=None, max_examples=50)
@given(SIZES, SIZES, SIZES, SIZES, st.sampled_from([1, 3, 5]), st.booleans())
def test_the_product_is_the_convolution(
    height: int, width: int, channels: int, kernels: int, size: int, channels_last: bool
) -> None:
    memory = torch.channels_last if channels_last else torch.contiguous_format
    images = torch.randn(2, channels, height, width).contiguous(memory_format=memory)
    weight = torch.randn(kernels, channels, size, size).contiguous(memory_format=memory)
    bias = torch.randn(kernels)
    expected = F.conv2d(images, weight, bias, padding=size // 2)
    torch.testing.assert_close(convolve_by_product(images, weight, bias), expected)


def test_the_product_has_the_convolutions_gradients() -> None:
    images = torch.randn(2, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(convolve_by_product, (images, weight, bias))


@pytest.mark.parametrize(("size", "bf16", "product"), [(4, True, True), (5, True, False), (4, False, False)])
def test_the_product_stands_in_on_few_pixels_in_half_precision(
    size: int, bf16: bool, product: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setattr(
        convolution, "convolve_by_product", lambda *given: calls.append(1) or F.conv2d(*given, padding=1)
    )
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        SameConv2d(3, 4)(torch.randn(1, 3, size, size))
    assert bool(calls) is product


def test_half_precision_agrees_with_torchs_to_its_own_precision() -> None:
    torch.manual_seed(0)
    ours, theirs = SameConv2d(64, 32), nn.Conv2d(64, 32, 3, padding=1)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(8, 64, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ours(images), theirs(images), rtol=2e-2, atol=2e-2)


def test_float32_is_torchs_bit_for_bit() -> None:
    ours, theirs = SameConv2d(3, 4, 5), nn.Conv2d(3, 4, 5, padding=2)
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 4, 4)
    assert torch.equal(ours(images), theirs(images))
