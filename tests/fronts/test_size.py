from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_fronts import CPU, half, plain, view
from tiny import differing, tensors
from torch import nn

from lwtrain.fronts.front import Precision
from lwtrain.fronts.size import bytes_per_row, front_bytes


@pytest.mark.parametrize(("precision", "width"), [(plain, 4), (half, 2)])
def test_a_row_takes_the_bytes_of_what_enters_each_layer(
    precision: Precision, width: int, layers: list[nn.Module]
) -> None:
    expected = [3 * 8 * 8, width * 4 * 4 * 4, width * 6 * 4 * 4]
    assert bytes_per_row(view(), layers[:2], precision, CPU) == expected


def test_measuring_leaves_training_layers_as_they_are(layers: list[nn.Module]) -> None:
    layers[0].train()
    before = [tensors(layer) for layer in layers]
    state = torch.get_rng_state()
    bytes_per_row(view(), layers, plain, CPU)
    assert [layer.training for layer in layers] == [True, False, False]
    assert [differing(tensors(layer), old) for layer, old in zip(layers, before, strict=True)] == [[], [], []]
    assert torch.equal(torch.get_rng_state(), state)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=6), st.integers(1, 50))
def test_a_front_takes_two_neighbours_at_once(row_bytes: list[int], num_rows: int) -> None:
    most = front_bytes(row_bytes, num_rows)
    assert most >= num_rows * max(row_bytes)
    for one, other in pairwise(row_bytes):
        assert most >= num_rows * (one + other)
    assert most <= num_rows * 2 * max(row_bytes)
