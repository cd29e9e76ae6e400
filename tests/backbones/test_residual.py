"""Sums: both terms get the gradient that came in, whatever stands around them."""

import pytest
import torch
from torch import nn

from lwtrain.backbones.allconv import POINTWISE, allconv
from lwtrain.backbones.cnn import cnn
from lwtrain.backbones.residual import Repeated, Residual
from lwtrain.backbones.resnet import resnet
from lwtrain.in_place import unshared


class Marking(torch.autograd.Function):
    """Does nothing, but says of its gradient that it may be written over."""

    @staticmethod
    def forward(ctx: object, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.view_as(inputs)

    @staticmethod
    def backward(ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return unshared(gradient.clone())


def summing_layers() -> dict[str, nn.Module]:
    """One of each kind that adds its input to what it makes of it."""
    torch.manual_seed(0)
    net = allconv("allconv", (3, 16, 16), 2, channels=4, residuals=True, dropout=0)
    padded, convolved = (
        resnet("resnet20", (3, 16, 16), 2, width=0.25, modules="all", shortcut=shortcut).layers
        for shortcut in ("pad", "conv")
    )
    return {
        "skip": cnn("cnn", (3, 16, 16), 2, activation="relu", skip=True, batch_norm=True).layers[-1],
        "blocks": cnn("cnn", (3, 16, 16), 2, activation="relu", blocks=2).layers[-1],
        "allconv": net.layers[1],
        "allconv, pointwise": net.layers[POINTWISE],
        "resnet": padded[1],
        "resnet, padded": padded[3],
        "resnet, convolved": convolved[3],
    }


@pytest.mark.parametrize("kind", list(summing_layers()))
def test_a_gradient_that_may_be_written_over_reaches_both_terms_whole(kind: str) -> None:
    layer = summing_layers()[kind]
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
