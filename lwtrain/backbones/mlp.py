"""Dense networks, whose layers read and give images of one pixel."""

import math
from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.normalisation import BatchNorm2d
from lwtrain.registry import choices_hint

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "leaky_relu": nn.LeakyReLU}


@BACKBONES.register("mlp")
def mlp(
    name: str,
    input_shape: Shape,
    num_classes: int,
    *,
    hidden: Sequence[int] = (256, 256, 256),
    activation: str = "relu",
    batch_norm: bool = False,
    branches: int = 1,
    map: str = "none",
) -> Backbone:
    """Build a dense network. What passes between its layers is (batch, units, 1, 1): images of one pixel.

    With branches it is the sigma network of the HSIC bottleneck (Ma et al. 2019, arXiv:1908.01580): as many networks as
    there are branches, side by side, that read the same image and meet in the head only. The units of a layer's output
    lie branch by branch: `outputs.chunk(branches, dim=1)` takes them apart.

    Args:
        name: "mlp".
        input_shape: (channels, height, width) of the images.
        num_classes: Number of logits.
        hidden: Units of each layer, in every branch.
        activation: "relu", "tanh" or "leaky_relu".
        batch_norm: Whether each layer has batch norm before its activation.
        branches: How many networks stand side by side.
        map: "none": layers follow one another directly.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> backbone = mlp("mlp", (1, 28, 28), num_classes=10, hidden=[300, 100], branches=2)
        >>> backbone.layers[1], backbone.head.classes
        (Sequential(
          (dense): Dense(in_features=600, out_features=200, groups=2)
          (activation): ReLU()
        ), Linear(in_features=200, out_features=10, bias=True))
    """
    if not hidden or min(hidden) < 1:
        raise ValueError(f"model.hidden={list(hidden)}: give one number of units for each layer, at least one layer")
    if branches < 1:
        raise ValueError(f"model.branches={branches}: choose 1 or more")
    if activation not in ACTIVATIONS:
        raise ValueError(f"model.activation={activation}: {choices_hint(activation, list(ACTIVATIONS))}")
    if map != "none":
        raise ValueError(f"map={map}: choose none, for model=mlp")
    layers: list[nn.Module] = []
    width = math.prod(input_shape)
    for number, units in enumerate(hidden):
        pieces: OrderedDict[str, nn.Module] = OrderedDict(
            dense=Dense(width, units * branches, groups=branches if number else 1)
        )
        width = units * branches
        if batch_norm:
            pieces["norm"] = BatchNorm2d(width)
        pieces["activation"] = ACTIVATIONS[activation]()
        layers.append(nn.Sequential(pieces))
    maps: list[nn.Module] = [nn.Identity() for _ in layers]
    head: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten(), classes=nn.Linear(width, num_classes))
    return Backbone(name, input_shape, num_classes, layers, maps, nn.Sequential(head))


class Dense(nn.Linear):
    """torch's `nn.Linear` from images of any size to images of one pixel; or several side by side.

    Args:
        in_features: Numbers in an image.
        out_features: Of the output.
        groups: If not 1, input and output fall into so many equal parts, each part of the output seeing its own of the
            input only. Weights and first values are those of as many `nn.Linear`, one below the other.

    Example:
        >>> Dense(12, 6)(torch.rand(5, 3, 2, 2)).shape
        torch.Size([5, 6, 1, 1])
    """

    def __init__(self, in_features: int, out_features: int, groups: int = 1) -> None:
        super().__init__(in_features // groups, out_features)
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Give (batch, out_features, 1, 1)."""
        rows = input.flatten(start_dim=1)
        if self.groups == 1:
            return F.linear(rows, self.weight, self.bias)[:, :, None, None]
        parts, weights = rows.unflatten(1, (self.groups, -1)), self.weight.unflatten(0, (self.groups, -1))
        outputs = torch.einsum("bgi,goi->bgo", parts, weights).flatten(start_dim=1)
        return (outputs + self.bias)[:, :, None, None]

    def extra_repr(self) -> str:
        """Say from how many to how many."""
        in_features = self.in_features * self.groups
        return f"in_features={in_features}, out_features={self.out_features}, groups={self.groups}"
