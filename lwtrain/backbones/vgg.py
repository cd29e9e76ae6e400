"""VGG networks, cut into layers of one or more convolutions."""

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from lwtrain.activations import LeakyReLU, ReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.backbones.plans import PLANS, Convolution, Plan, check_image_size, find_plan, split_layers
from lwtrain.convolution import SameConv2d
from lwtrain.maps import MAPS
from lwtrain.normalisation import BatchNorm2d

ACTIVATIONS: dict[str, type[ReLU] | type[LeakyReLU]] = {"relu": ReLU, "leaky_relu": LeakyReLU}
HEAD_DROPOUT = 0.1  # as in the sidecars of the layer-wise training report


@BACKBONES.register(*PLANS)
def vgg(
    name: str,
    input_shape: Shape,
    num_classes: int,
    *,
    width: float = 1.0,
    layer_depth: int = 1,
    map: str = "pool",
) -> Backbone:
    """Build a VGG (Simonyan and Zisserman 2014, arXiv:1409.1556) with batch norm after each 3x3 convolution.

    Cut by any `layer_depth` it is the same network, down to the weights that a seed gives it.

    Args:
        name: One of `lwtrain.backbones.plans.PLANS`.
        input_shape: (channels, height, width) of the images.
        num_classes: Number of logits.
        width: Multiplies the channels of every convolution; the head's hidden layer keeps its size.
        layer_depth: How many convolutions train as one layer.
        map: What stands where the plan pools, one of `lwtrain.maps.MAPS`.

    Raises:
        ValueError: If a setting is out of range or the image is too small for the poolings.

    Example:
        >>> backbone = vgg("vgg11", (1, 32, 32), num_classes=10, width=0.25)
        >>> backbone.layers[0]
        Sequential(
          (conv_0): SameConv2d(1, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          (norm_0): BatchNorm2d(16, ...)
          (activation_0): ReLU(inplace=True)
        )
        >>> backbone.maps[:3]
        [MaxPool2d(...), MaxPool2d(...), Identity()]
    """
    plan = find_plan(name)
    check_image_size(name, min(input_shape[1:]))
    if width <= 0:
        raise ValueError(f"model.width={width}: choose a number above 0")

    layers: list[nn.Module] = []
    maps: list[nn.Module] = []
    channels_in = input_shape[0]
    for published in split_layers(name, layer_depth):
        convolutions = [Convolution(max(1, round(channels * width)), pools) for channels, pools in published]
        layers.append(_layer(channels_in, convolutions, ACTIVATIONS[plan.activation], MAPS[map]))
        maps.append(MAPS[map]() if convolutions[-1].pools_after else nn.Identity())
        channels_in = convolutions[-1].channels
    return Backbone(name, input_shape, num_classes, layers, maps, _head(plan, channels_in, num_classes))


def _layer(
    channels_in: int,
    convolutions: list[Convolution],
    activation: Callable[..., nn.Module],
    pool: Callable[[], nn.Module],
) -> nn.Sequential:
    pieces: OrderedDict[str, nn.Module] = OrderedDict()
    for index, (channels, pools_after) in enumerate(convolutions):
        # Batch norm makes the bias redundant; torchvision has it, and weights are to be interchanged.
        pieces[f"conv_{index}"] = SameConv2d(channels_in, channels)
        pieces[f"norm_{index}"] = BatchNorm2d(channels)
        pieces[f"activation_{index}"] = activation()
        if pools_after and index + 1 < len(convolutions):  # behind the last one stands the map
            pieces[f"pool_{index}"] = pool()
        channels_in = channels
    return nn.Sequential(pieces)


def _head(plan: Plan, channels: int, num_classes: int) -> nn.Sequential:
    pieces: OrderedDict[str, nn.Module] = OrderedDict(
        pool=nn.AdaptiveAvgPool2d(plan.head_grid),
        flatten=nn.Flatten(),
        hidden=nn.Linear(channels * plan.head_grid**2, plan.head_hidden),
        activation=ACTIVATIONS[plan.activation](),
        dropout=nn.Dropout(HEAD_DROPOUT),
        classes=nn.Linear(plan.head_hidden, num_classes),
    )
    return nn.Sequential(pieces)
