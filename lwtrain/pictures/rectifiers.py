"""Other ways back through the rectifiers of a network: the forward pass stays the same, the gradient does not."""

import copy
from collections.abc import Callable
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

from lwtrain.sidecars.channel_dropout import DroppingLeakyReLU

Network = TypeVar("Network", bound=nn.Module)
_LEAK = 0.1  # enough for a silent unit to be woken, too little for it to lead the others


class GuidedReLU(nn.Module):
    """Lets back only what excites: guided backpropagation (Springenberg et al. 2015, arXiv:1412.6806, section 3.4).

    The gradient passes where the unit was active, as in any rectifier, and then only where it is positive.

    Args:
        slope: Of the negative side; 0 for ReLU.

    Example:
        >>> import torch
        >>> images = torch.tensor([-1.0, 1.0, 1.0], requires_grad=True)
        >>> (GuidedReLU(0.0)(images) * torch.tensor([1.0, 2.0, -3.0])).sum().backward()
        >>> images.grad
        tensor([0., 2., 0.])
    """

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, input: Tensor) -> Tensor:
        """Rectify."""
        if input.requires_grad:
            input = input.view_as(input)  # what else reads the input keeps the whole of its gradient
            input.register_hook(F.relu)
        return F.leaky_relu(input, self.slope)


class LeakyGradientReLU(nn.Module):
    """Gives a silent unit a small gradient, so that an image can be found which excites it.

    Args:
        slope: Of the negative side; 0 for ReLU.

    Example:
        >>> import torch
        >>> images = torch.tensor([-1.0, 1.0], requires_grad=True)
        >>> rectified = LeakyGradientReLU(0.0)(images)
        >>> rectified.sum().backward()
        >>> rectified.detach(), images.grad
        (tensor([0., 1.]), tensor([0.1000, 1.0000]))
    """

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, input: Tensor) -> Tensor:
        """Rectify."""
        leaky = F.leaky_relu(input, max(self.slope, _LEAK))
        return leaky + (F.leaky_relu(input, self.slope) - leaky).detach()


def with_rectifiers(network: Network, make: Callable[[float], nn.Module]) -> Network:
    """Copy a network, and put others in the place of its rectifiers.

    Args:
        network: In eval mode. What it computes by functions such as `F.relu`, and not by modules, stays as it is, and
            so does any activation that is no rectifier.
        make: Makes a rectifier from the slope of its negative side.
    """
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in list(module._modules.items()):  # named_children() passes over a module's second place
            if child is not None and (slope := _slope(child)) is not None:
                setattr(module, name, make(slope))
    return network


def _slope(module: nn.Module) -> float | None:
    """Give the slope of a rectifier's negative side; None of anything else."""
    if isinstance(module, nn.ReLU):
        return 0.0
    if isinstance(module, DroppingLeakyReLU):
        return nn.LeakyReLU().negative_slope
    return module.negative_slope if isinstance(module, nn.LeakyReLU) else None
