"""What a schedule needs of a LightningModule: its layers, and maybe a way to hear whose turn it is."""

from collections.abc import Collection
from typing import Protocol

import pytorch_lightning as pl
from torch import nn

from lwtrain.schedules import Turn, awake
from lwtrain.stack import LayerStack

Layers = nn.ModuleList | nn.Sequential


class LayeredModule(Protocol):
    """A LightningModule whose layers a schedule can let train in turns: a `LayerStack`, or any of your own.

    It needs no base class beside Lightning's, only `layers`. Its batches, its `training_step` and its optimizers are
    its own. Two more things are used where it has them:

    - a method ``activate(turn)``, called when the fit and each of its epochs starts, after layers have been frozen and
      woken. `turn` is the number of the layer that trains, or a `lwtrain.Together`. This is where what lies
      beside `layers`, such as a classifier for each of them, is frozen and woken: the schedule leaves it as it is;
    - a list ``names``, one per layer; without it they are called layer_0, layer_1, ... A parameter group of an
      optimizer that bears a layer's name follows the course of that layer, one without a name that of the layer that
      trains, and one of another name none.

    Attributes:
        layers: In an `nn.ModuleList` or `nn.Sequential`, the one nearest the image first.
    """

    @property
    def layers(self) -> Layers:
        """The layers, the one nearest the image first."""


def layers_of(module: pl.LightningModule) -> Layers:
    """Give the layers that a schedule can let train.

    Raises:
        ValueError: If it has none.
    """
    layers = getattr(module, "layers", None)
    if not isinstance(layers, Layers) or not len(layers):
        raise ValueError(f"{type(module).__name__}.layers: has to be an nn.ModuleList of one layer or more")
    return layers


def names_of(module: pl.LightningModule) -> list[str]:
    """Give what the layers are called."""
    names, num_layers = getattr(module, "names", ()), len(layers_of(module))
    if isinstance(names, (list, tuple)) and len(names) == num_layers:
        return list(names)
    return [f"layer_{number}" for number in range(num_layers)]


def activate(module: pl.LightningModule, turn: Turn, rest: Collection[int] = ()) -> None:
    """Let the layers train whose turn it is, and no others.

    Those that rest are in eval mode, so that their batch norms gather no statistics, and have no gradient left, not
    even zeros, by which an optimizer with momentum would move them on.

    Args:
        module: With `layers`; a `LayerStack` knows by itself what to do.
        turn: The layer that trains, or several but `rest`; see `lwtrain.schedules.Turn`.
        rest: Layers that are trained already.
    """
    layers = layers_of(module)
    if isinstance(module, LayerStack):
        module.activate(turn, rest)
    else:
        learners = awake(turn, len(layers), rest)
        for part in layers:
            part.requires_grad_(False).eval()
        for number, part in enumerate(layers):
            if number in learners:
                part.requires_grad_(True).train()
        told = getattr(module, "activate", None)
        if callable(told):
            told(turn)
    for parameter in layers.parameters():
        if not parameter.requires_grad:
            parameter.grad = None
