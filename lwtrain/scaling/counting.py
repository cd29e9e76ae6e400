"""Finds what each layer of a network asks for, without computing anything."""

import copy
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from lwtrain.arithmetic import Counter, counted
from lwtrain.fronts.front import climb
from lwtrain.scaling.cost import LayerCost, Work
from lwtrain.stack import LayerStack

FEW, MORE = 2, 4  # images: what comes with each, and what comes once, are told apart by two numbers of them


def count_costs(stack: LayerStack) -> list[LayerCost]:
    """Count what a training step and a forward pass of each layer ask for, in float32, the head last.

    They run on a copy of the network whose tensors have shapes and nothing else. All images are labelled. The front is
    taken to hold the images as bytes, and what layers make in the format they compute in.

    Args:
        stack: Whose `input_shape` is known. It does not change, and may be on any device, "meta" included.

    Example:
        >>> from lwtrain import build_stack
        >>> from lwtrain.backbones import BACKBONES
        >>> stack = build_stack(BACKBONES["vgg8b"]("vgg8b", (3, 32, 32), num_classes=10, width=0.25), encoder="pool")
        >>> first, second, *_ = count_costs(stack)
        >>> first.row_bytes, second.row_bytes, f"{second.resting.operations:,.0f}"
        (3072, 131072, '37,748,736')
    """
    assert stack.input_shape is not None, "build_stack says it"
    mode = FakeTensorMode()
    hollow = _hollow(stack, mode)
    with mode:
        few, more = (_costs_of(hollow, rows) for rows in (FEW, MORE))
    found = []
    for number, name in enumerate(stack.names):
        row_bytes = few[number].row_bytes if number else few[number].row_bytes // 4  # pictures have a byte for a float
        learning = _slope(few[number].learning, more[number].learning)
        step_bytes = few[number].learning.bytes - FEW * learning.bytes
        resting = _slope(few[number].resting, more[number].resting)
        found.append(LayerCost(name, learning, step_bytes, resting, few[number].gradient_bytes, row_bytes))
    return found


class _Counted(NamedTuple):
    learning: Work
    resting: Work
    gradient_bytes: int
    row_bytes: int


def _hollow(stack: LayerStack, mode: FakeTensorMode) -> LayerStack:
    with mode:
        memo: dict[int, Any] = {id(tensor): _shaped_like(tensor) for tensor in stack.buffers()}
        memo |= {id(weight): nn.Parameter(_shaped_like(weight)) for weight in stack.parameters()}
    memo[id(stack._trainer)] = stack._trainer  # an earlier fit's
    return copy.deepcopy(stack, memo)


def _shaped_like(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype)


def _costs_of(stack: LayerStack, rows: int) -> list[_Counted]:
    assert stack.input_shape is not None
    images = inputs = torch.empty(rows, *stack.input_shape)
    labels = torch.empty(rows, dtype=torch.int64)
    found = []
    for number, layer in enumerate(stack.layers):
        stack.activate(number)
        with counted() as learning:
            stack.part(number).local_step(inputs, labels, carry=True, images=images).losses.total.backward()
        gradients = sum(weight.grad.nbytes for weight in layer.parameters() if weight.grad is not None)
        stack.zero_grad(set_to_none=True)
        layer.eval()
        with counted() as resting:
            outputs: Tensor = climb(inputs, [layer], nullcontext)
        found.append(_Counted(_work(learning), _work(resting), gradients, inputs[:1].nbytes))
        inputs = outputs
    return found


def _work(counter: Counter) -> Work:
    return Work(counter.operations, counter.bytes_made)


def _slope(few: Work, more: Work) -> Work:
    return Work(*((high - low) / (MORE - FEW) for low, high in zip(few, more, strict=True)))
