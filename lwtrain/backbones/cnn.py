"""Small convolutional networks for images of 32 pixels, with every way to widen, deepen and regularise them."""

import math
from collections import OrderedDict

from torch import nn

from lwtrain.activations import ReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.backbones.cnn_plan import CNNLayer, check_image_size, plan_layers
from lwtrain.backbones.residual import Repeated, Residual
from lwtrain.convolution import SameConv2d
from lwtrain.maps import MAPS
from lwtrain.maps.halving import halved
from lwtrain.normalisation import BatchNorm2d
from lwtrain.registry import choices_hint

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": ReLU}
BEFORE_A_SUM: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}  # see Residual
PROJECTIONS = ("none", "project", "embed")
BLOCK_SCALE = 0.5  # what batch norm in a residual block scales by at first: the sum begins near the block's input


@BACKBONES.register("cnn")
def cnn(
    name: str,
    input_shape: Shape,
    num_classes: int,
    *,
    channels: int = 16,
    activation: str = "tanh",
    hidden: int = 32,
    dropout: float = 0.0,
    batch_norm: bool = False,
    skip: bool = False,
    blocks: int = 0,
    shared_blocks: bool = False,
    projection: str = "none",
    map: str = "pool",
) -> Backbone:
    """Build a small convolutional network: conv to `channels`, map, conv to half of them, map, two dense layers.

    Args:
        name: "cnn".
        input_shape: (channels, height, width) of the images.
        num_classes: Number of logits.
        channels: Of the first convolution's output.
        activation: "tanh" or "relu", behind every convolution and the head's hidden layer.
        hidden: Units of the head's hidden layer.
        dropout: Probability of dropping a channel at each map. Whole channels are dropped, so that it makes no
            difference to a pooling whether they are dropped before it, as here, or behind it.
        batch_norm: Whether batch norm follows every convolution, which keeps its bias.
        skip: Adds a third convolution, with its input added to what it gives, and a third map.
        blocks: If not 0, so many residual blocks take the place of all but the first convolution, with the second map
            behind the last of them. A block is a convolution without bias, batch norm, the activation, plus its input.
        shared_blocks: Whether all blocks have one set of weights. They are one layer then: what is trained in one layer
            cannot rest in another. Otherwise each block is a layer.
        projection: "project" adds a 1x1 convolution behind the last map, "embed" one to half the channels.
        map: What stands where the network pools, one of `lwtrain.maps.MAPS`.

    Raises:
        ValueError: If a setting is out of range, settings do not go together, or the image is too small.

    Example:
        >>> backbone = cnn("cnn", (3, 32, 32), num_classes=2)
        >>> backbone.layers[1], backbone.maps
        (Sequential(
          (conv): SameConv2d(16, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (activation): Tanh()
        ), [MaxPool2d(...), MaxPool2d(...)])
    """
    _check_settings(channels, activation, hidden, dropout, projection)
    plan = plan_layers(channels, skip=skip, blocks=blocks, shared_blocks=shared_blocks, projection=projection)
    check_image_size(plan, min(input_shape[1:]))

    layers: list[nn.Module] = []
    maps: list[nn.Module] = []
    shape = input_shape
    for published in plan:
        pieces = _pieces(published, shape[0], activation, batch_norm)
        if published.pools_after and dropout:
            pieces["dropout"] = nn.Dropout2d(dropout)
        outputs = (published.channels, *shape[1:])
        shape = halved(outputs) if published.pools_after else outputs
        layers.append(nn.Sequential(pieces))
        maps.append(MAPS[map](outputs, shape) if published.pools_after else nn.Identity())
    head: OrderedDict[str, nn.Module] = OrderedDict(
        flatten=nn.Flatten(),
        hidden=nn.Linear(math.prod(shape), hidden),
        activation=ACTIVATIONS[activation](),
        classes=nn.Linear(hidden, num_classes),
    )
    return Backbone(name, input_shape, num_classes, layers, maps, nn.Sequential(head))


def _pieces(published: CNNLayer, channels_in: int, activation: str, batch_norm: bool) -> OrderedDict[str, nn.Module]:
    if published.kind == "block":
        block = _block(published.channels, activation)
        return OrderedDict(blocks=Repeated(block, published.repeats) if published.repeats > 1 else block)
    is_branch = published.kind == "skip"
    pieces: OrderedDict[str, nn.Module] = OrderedDict(
        conv=SameConv2d(channels_in, published.channels, published.kernel_size)
    )
    if batch_norm:
        pieces["norm"] = (nn.BatchNorm2d if is_branch else BatchNorm2d)(published.channels)
    pieces["activation"] = (BEFORE_A_SUM if is_branch else ACTIVATIONS)[activation]()
    return OrderedDict(residual=Residual(nn.Sequential(pieces))) if is_branch else pieces


def _block(channels: int, activation: str) -> Residual:
    conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity=activation)  # type: ignore[arg-type]  # both are among its names
    norm = nn.BatchNorm2d(channels)
    nn.init.constant_(norm.weight, BLOCK_SCALE)
    pieces: OrderedDict[str, nn.Module] = OrderedDict(conv=conv, norm=norm, activation=BEFORE_A_SUM[activation]())
    return Residual(nn.Sequential(pieces))


def _check_settings(channels: int, activation: str, hidden: int, dropout: float, projection: str) -> None:
    for setting, number in (("channels", channels), ("hidden", hidden)):
        if number < 1:
            raise ValueError(f"model.{setting}={number}: choose 1 or more")
    if activation not in ACTIVATIONS:
        raise ValueError(f"model.activation={activation}: {choices_hint(activation, list(ACTIVATIONS))}")
    if not 0 <= dropout < 1:
        raise ValueError(f"model.dropout={dropout}: choose 0 or more and less than 1")
    if projection not in PROJECTIONS:
        raise ValueError(f"model.projection={projection}: {choices_hint(projection, list(PROJECTIONS))}")
