from contextlib import nullcontext

import torch
from tiny import differing, tensors, tiny_stack

from lwtrain.layer_costs import layer_costs


def test_every_layer_costs_something_and_nothing_changes() -> None:
    stack = tiny_stack()
    before, draws = tensors(stack), torch.get_rng_state()
    modes = {name: module.training for name, module in stack.named_modules()}
    costs = layer_costs(stack, batch_size=8, precision=nullcontext)
    assert len(costs) == 3
    assert min(costs) > 0
    assert differing(tensors(stack), before) == []
    assert torch.equal(torch.get_rng_state(), draws)
    assert modes == {name: module.training for name, module in stack.named_modules()}
    assert all(parameter.grad is None for parameter in stack.parameters())


def test_a_layer_that_does_more_costs_more() -> None:
    stack = tiny_stack(channels=64)  # of its first layer; the second has 6
    costs = layer_costs(stack, batch_size=64, precision=nullcontext)
    assert costs[0] > costs[2]
