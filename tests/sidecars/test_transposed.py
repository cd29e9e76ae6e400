import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lwtrain.sidecars.transposed import Side, fit, transposed_convolution

sides = st.integers(1, 40)


@settings(deadline=None)
@given(length=sides, more=st.integers(0, 100), kernel_size=st.sampled_from([1, 3, 5, 7]))
def test_any_size_that_is_no_smaller_is_met_exactly(length: int, more: int, kernel_size: int) -> None:
    side = fit(length, length + more, kernel_size)
    assert side.enlarged(length) == length + more
    assert 0 <= side.output_padding < side.stride or side.output_padding == 0
    assert side.padding >= 0


@settings(deadline=None, max_examples=20)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), more=st.tuples(st.integers(0, 20), st.integers(0, 20)))
def test_torch_agrees_on_the_size(rows: int, columns: int, more: tuple[int, int]) -> None:
    conv = transposed_convolution((2, rows, columns), (3, rows + more[0], columns + more[1]))
    assert conv(torch.rand(1, 2, rows, columns)).shape == (1, 3, rows + more[0], columns + more[1])


@given(length=st.integers(2, 40))
def test_what_halves_is_led_back_by_stride_two(length: int) -> None:
    even, odd = fit(length, 2 * length, 5), fit(length, 2 * length - 1, 5)
    assert even == Side(kernel=5, stride=2, padding=2, output_padding=1)
    assert odd == Side(kernel=5, stride=2, padding=2, output_padding=0)


def test_equal_sizes_and_unpadded_convolutions_are_led_back_by_stride_one() -> None:
    assert fit(8, 8, 5) == Side(kernel=5, stride=1, padding=2, output_padding=0)
    assert fit(24, 28, 5) == Side(kernel=5, stride=1, padding=0, output_padding=0)


def test_every_pixel_is_reached() -> None:
    conv = transposed_convolution((1, 4, 4), (1, 32, 32), kernel_size=5)
    nn.init.ones_(conv.weight)
    nn.init.zeros_(conv.bias)
    assert (conv(torch.ones(1, 1, 4, 4)) > 0).all()
