"""Sums: both terms get the gradient that came in, whatever stands around them."""

import pytest
import torch
from torch import nn

from lwtrain.backbones.cnn import cnn
from lwtrain.backbones.residual import Repeated, Residual
from lwtrain.in_place import unshared


class Marking(torch.autograd.Function):
    """Does nothing, but says of its gradient that it may be written over."""

    @staticmethod
    def forward(ctx: object, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.view_as(inputs)

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return unshared(gradient.clone())


@pytest.mark.parametrize("settings", [{"skip": True, "batch_norm": True}, {"blocks": 2}], ids=["skip", "blocks"])
def test_a_gradient_that_may_be_written_over_reaches_both_terms_whole(settings: dict[str, object]) -> None:
    torch.manual_seed(0)
    layer = cnn("cnn", (3, 16, 16), 2, activation="relu", **settings).layers[-1]
    channels = next(parameter for parameter in layer.parameters()).shape[1]
    found = []
    for marked in (False, True):
        images = torch.randn(4, channels, 8, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
        outputs = layer(images * 1)
        weights = torch.arange(float(outputs.numel())).reshape(outputs.shape).sin()
        ((Marking.apply(outputs) if marked else outputs) * weights).sum().backward()
        found.append(images.grad)
    torch.testing.assert_close(*found)


def test_repeated_runs_one_set_of_weights() -> None:
    doubling = Residual(nn.Identity())
    assert Repeated(doubling, 5)(torch.ones(2)).tolist() == [32.0, 32.0]
    conv = nn.Conv2d(2, 2, 1)
    assert [id(weight) for weight in Repeated(conv, 5).parameters()] == [id(weight) for weight in conv.parameters()]
