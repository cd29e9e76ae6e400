"""One optimizer for the whole run: a named parameter group per layer, each with its own rate and course."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

ParameterGroups = list[dict[str, Any]]
OptimizerFactory = Callable[[ParameterGroups], torch.optim.Optimizer]

COURSES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "linear": lambda progress: 1.0 - progress,
    "cosine": lambda progress: (1.0 + math.cos(math.pi * progress)) / 2.0,
}
"""What is left of a layer's learning rate when it has `progress` (0 to 1) of its training behind it."""

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
}


def layer_rates(lr: float | Sequence[float], lr_decay: float, num_layers: int) -> list[float]:
    """Give every layer its learning rate.

    Args:
        lr: One rate for all, or a list with one per layer, the head's last.
        lr_decay: Each layer's rate is this times that of the layer below it.
        num_layers: How many layers there are, the head included.

    Raises:
        ValueError: If a list has not one rate per layer.

    Example:
        >>> layer_rates(0.1, 0.5, 3)
        [0.1, 0.05, 0.025]
    """
    rates = [lr] * num_layers if isinstance(lr, (int, float)) else [float(rate) for rate in lr]
    if len(rates) != num_layers:
        raise ValueError(f"optimizer.lr: {len(rates)} rates for {num_layers} layers; give one each, the head's last")
    return [rate * lr_decay**depth for depth, rate in enumerate(rates)]


def optimizer_factory(
    name: str, lr: float | Sequence[float], *, lr_decay: float = 1.0, fused: bool = True, **settings: Any
) -> OptimizerFactory:
    """Say how the optimizer is to be made, before there is a network.

    Args:
        name: adam, adamw or sgd.
        lr: See `layer_rates`.
        lr_decay: See `layer_rates`.
        fused: One kernel for all parameters; gradient clipping under mixed precision needs it off.
        settings: What else torch's optimizer takes, such as weight_decay.
    """

    def make(groups: ParameterGroups) -> torch.optim.Optimizer:
        rates = layer_rates(lr, lr_decay, len(groups))
        rated = [group | {"lr": rate} for group, rate in zip(groups, rates, strict=True)]
        return OPTIMIZERS[name](rated, fused=fused, **settings)

    return make


def named_groups(names: Sequence[str], layers: Sequence[nn.Module]) -> ParameterGroups:
    """Make one parameter group per layer, by its name."""
    return [{"params": list(layer.parameters()), "name": name} for name, layer in zip(names, layers, strict=True)]


def follow_course(optimizer: torch.optim.Optimizer, name: str | None, factor: float) -> None:
    """Set the rate of the group called `name` (or of all groups, for None) to `factor` times its initial one."""
    groups = [group for group in optimizer.param_groups if name is None or group.get("name", name) == name]
    for group in groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
