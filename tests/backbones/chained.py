"""A backbone as one module, and how to compare it with a published one."""

import torch
from torch import Tensor, nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone


def build(name: str, shape: tuple[int, int, int] = (3, 32, 32), num_classes: int = 2, **settings: object) -> Backbone:
    return BACKBONES[name](name, shape, num_classes, **settings)


def chain(backbone: Backbone) -> nn.Sequential:
    parts = [part for pair in zip(backbone.layers, backbone.maps, strict=True) for part in pair]
    return nn.Sequential(*parts, backbone.head)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def take_weights(ours: nn.Module, published: nn.Module) -> None:
    """Give our network the other one's weights: both list them in the order in which they run."""
    pairs = zip(ours.parameters(), published.parameters(), strict=True)
    with torch.no_grad():
        for mine, theirs in pairs:
            mine.copy_(theirs)


def logits_and_gradients(network: nn.Module, images: Tensor) -> tuple[Tensor, list[Tensor]]:
    """Run forward and backward; the loss tells all logits apart."""
    logits = network(images)
    loss = (logits * torch.arange(1.0, logits.numel() + 1).reshape(logits.shape).cos()).sum()
    return logits, list(torch.autograd.grad(loss, list(network.parameters())))


def assert_computes_the_same(ours: nn.Module, published: nn.Module, images: Tensor) -> None:
    """Forward and backward, in training mode: batch norm and whatever writes over its input included."""
    take_weights(ours, published)
    logits, gradients = logits_and_gradients(ours, images)
    other_logits, other_gradients = logits_and_gradients(published, images)
    torch.testing.assert_close(logits, other_logits)
    torch.testing.assert_close(gradients, other_gradients, rtol=1e-4, atol=1e-4)
