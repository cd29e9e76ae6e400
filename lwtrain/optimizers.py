"""One optimizer for the whole run: a named parameter group per layer, each with its own rate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

ParameterGroups = list[dict[str, Any]]
MakeOptimizer = Callable[[ParameterGroups], torch.optim.Optimizer]

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


@dataclass(frozen=True)
class OptimizerFactory:
    """Makes the optimizer once there is a network.

    Args:
        name: adam, adamw or sgd.
        lr: See `layer_rates`.
        lr_decay: See `layer_rates`.
        fused: One kernel for all parameters; gradient clipping under mixed precision needs it off.
        settings: What else torch's optimizer takes, such as weight_decay.

    Example:
        >>> make = OptimizerFactory("sgd", lr=0.1, lr_decay=0.5, settings={"momentum": 0.9})
        >>> optimizer = make(named_groups(["layer_0", "head"], [nn.Linear(2, 2), nn.Linear(2, 2)]))
        >>> [(group["name"], group["lr"]) for group in optimizer.param_groups]
        [('layer_0', 0.1), ('head', 0.05)]
    """

    name: str = "adam"
    lr: float | Sequence[float] = 1e-3
    lr_decay: float = 1.0
    fused: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, groups: ParameterGroups) -> torch.optim.Optimizer:
        """Make the optimizer for one named group per layer, each at its own rate."""
        rates = layer_rates(self.lr, self.lr_decay, len(groups))
        rated = [group | {"lr": rate} for group, rate in zip(groups, rates, strict=True)]
        return OPTIMIZERS[self.name](rated, fused=self.fused, **self.settings)


def named_groups(names: Sequence[str], layers: Sequence[nn.Module]) -> ParameterGroups:
    """Make one parameter group per layer, by its name."""
    return [{"params": list(layer.parameters()), "name": name} for name, layer in zip(names, layers, strict=True)]


def follow_course(optimizer: torch.optim.Optimizer, factors: Mapping[str, float]) -> None:
    """Set each group's rate to a factor of its initial one.

    Args:
        optimizer: With one group per layer, called by its `name`. A group without a name is all layers'.
        factors: By the names of the layers that move, at least one; the rates of other groups stay.
    """
    any_layers = next(iter(factors.values()))
    for group in optimizer.param_groups:
        factor = factors.get(group["name"]) if "name" in group else any_layers
        if factor is not None:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
