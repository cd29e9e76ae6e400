"""What layers ask for, against counting by hand."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from lwtrain import LayerStack, build_backbone, build_stack
from lwtrain.data.view import View
from lwtrain.fronts.size import bytes_per_row
from lwtrain.scaling.cost import LayerCost, Work
from lwtrain.scaling.counting import count_costs

GRID, CLASSES, SIDE = 4 * 4, 10, 16


@pytest.fixture(scope="module")
def stack() -> LayerStack:
    return build_stack(build_backbone("vgg8b", (3, SIDE, SIDE), CLASSES, width=0.125), encoder="pool")


@pytest.fixture(scope="module")
def costs(stack: LayerStack) -> list[LayerCost]:
    return count_costs(stack)


def test_a_resting_layer_computes_its_convolution_once(stack: LayerStack, costs: list[LayerCost]) -> None:
    assert costs[1].resting.operations == _convolution(stack, 1)


def test_learning_takes_no_gradient_of_what_enters_the_layer(stack: LayerStack, costs: list[LayerCost]) -> None:
    convolution = _convolution(stack, 1)
    sidecar = 2 * _channels(stack, 1) * GRID * CLASSES
    assert costs[1].learning.operations == 2 * convolution + 3 * sidecar  # forward, weights; and inputs of the sidecar


def test_gradients_are_those_of_all_that_learns(stack: LayerStack, costs: list[LayerCost]) -> None:
    assert [cost.gradient_bytes for cost in costs] == [
        sum(weight.nbytes for weight in layer.parameters()) - sum(weight.nbytes for weight in _idle(stack, number))
        for number, layer in enumerate(stack.layers)
    ]


def test_rows_are_those_of_a_front(stack: LayerStack, costs: list[LayerCost]) -> None:
    view = View(torch.zeros(2, 3, SIDE, SIDE, dtype=torch.uint8), torch.arange(2))
    assert [cost.row_bytes for cost in costs] == bytes_per_row(view, stack.layers[:-1], nullcontext, stack.device)


def test_gradients_are_made_once_a_step_and_not_by_image(costs: list[LayerCost]) -> None:
    assert all(cost.gradient_bytes <= cost.step_bytes for cost in costs)
    assert costs[-1].learning.bytes < costs[-1].gradient_bytes / 10


def test_the_network_stays_as_it_was(stack: LayerStack, costs: list[LayerCost]) -> None:
    assert all(weight.grad is None for weight in stack.parameters())
    assert {type(weight) for weight in stack.parameters()} == {nn.Parameter}
    assert all(module.training for module in stack.modules())


def test_shapes_on_no_device_count_alike(costs: list[LayerCost]) -> None:
    with torch.device("meta"):
        hollow = build_stack(build_backbone("vgg8b", (3, SIDE, SIDE), CLASSES, width=0.125), encoder="pool")
    assert count_costs(hollow) == costs
    assert isinstance(costs[0].learning, Work)


def _channels(stack: LayerStack, number: int) -> int:
    return next(module for module in stack.layers[number].modules() if isinstance(module, nn.Conv2d)).out_channels


def _convolution(stack: LayerStack, number: int) -> int:
    convolution = next(module for module in stack.layers[number].modules() if isinstance(module, nn.Conv2d))
    return 2 * 9 * convolution.in_channels * convolution.out_channels * SIDE**2


def _idle(stack: LayerStack, number: int) -> list[nn.Parameter]:
    return list(stack.part(number).idle_parameters())
