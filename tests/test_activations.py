from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from lwtrain.activations import LeakyReLU, ReLU
from lwtrain.in_place import unshared

PAIRS = [(ReLU(), nn.ReLU()), (LeakyReLU(), nn.LeakyReLU())]


class Fresh(torch.autograd.Function):
    """Hands a gradient on that nobody else has, and remembers where it lay."""

    places: ClassVar[list[int]] = []

    @staticmethod
    def forward(ctx: object, inputs: Tensor) -> Tensor:
        return inputs * 2

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        own = unshared(gradient * 2)
        Fresh.places.append(own.data_ptr())
        return own


def images() -> Tensor:
    return torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=["relu", "leaky_relu"])
@pytest.mark.parametrize("fresh", [True, False])
def test_values_and_gradients_are_torchs(ours: nn.Module, theirs: nn.Module, fresh: bool) -> None:
    mine, other = images(), images()
    activated, expected = ours(mine * 1), theirs(other * 1)
    assert torch.equal(activated, expected)
    (Fresh.apply(activated) if fresh else activated * 2).square().sum().backward()
    (expected * 2).square().sum().backward()
    assert torch.equal(mine.grad, other.grad)


def test_a_gradient_of_its_own_is_written_over() -> None:
    places: list[int] = []
    before = images() * 1
    before.register_hook(lambda gradient: places.append(gradient.data_ptr()))
    Fresh.apply(ReLU()(before)).sum().backward()
    assert places == Fresh.places[-1:]


@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU()], ids=["relu", "leaky_relu"])
def test_a_gradient_that_others_read_is_left_alone(activation: nn.Module) -> None:
    one, other = images(), images()
    # A sum hands one and the same gradient to both of its terms.
    (activation(one * 1) + other * 3).mul(torch.arange(4.0)).sum().backward()
    assert torch.equal(other.grad, (3 * torch.arange(4.0)).expand_as(other))


def test_two_readers_add_up() -> None:
    mine, other = images(), images()
    activated, expected = ReLU()(mine * 1), nn.ReLU()(other * 1)
    (Fresh.apply(activated) + Fresh.apply(activated) + activated).sum().backward()
    (expected * 5).sum().backward()
    torch.testing.assert_close(mine.grad, other.grad)


def test_nothing_is_kept_where_nothing_is_learned() -> None:
    inputs = torch.randn(4)
    activated = ReLU()(inputs)
    assert activated.grad_fn is None
    assert activated.data_ptr() == inputs.data_ptr()
