"""VGG networks, cut into layers of one or more convolutions."""

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from lwtrain.activations import LeakyReLU, ReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.backbones.plans import PLANS, Plan, check_image_size, find_plan, split_layers
from lwtrain.backbones.whitening import Whitening
from lwtrain.convolution import SameConv2d
from lwtrain.maps import MAPS
from lwtrain.maps.halving import halved
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
    whitening: bool = False,
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
        whitening: Whether the first layer begins with a `Whitening` of the images and an activation. They do not train;
            fit them to the training images before the network is used, by `fit_whitening(backbone.layers, images)`.
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
    shape = input_shape
    for published in split_layers(name, layer_depth):
        pieces: OrderedDict[str, nn.Module] = OrderedDict()
        between: nn.Module = nn.Identity()
        if whitening and not layers:
            pieces["whitening"] = Whitening(shape[0])
            pieces["whitening_activation"] = ACTIVATIONS[plan.activation]()
            shape = (Whitening.out_channels(shape[0]), *shape[1:])
        for index, (channels, pools_after) in enumerate(published):
            if not isinstance(between, nn.Identity):  # within a layer; behind its last convolution stands the map
                pieces[f"map_{index - 1}"] = between
            outputs = (max(1, round(channels * width)), *shape[1:])
            pieces |= _convolution(index, shape[0], outputs[0], ACTIVATIONS[plan.activation])
            shape = halved(outputs) if pools_after else outputs
            between = MAPS[map](outputs, shape) if pools_after else nn.Identity()
        layers.append(nn.Sequential(pieces))
        maps.append(between)
    return Backbone(name, input_shape, num_classes, layers, maps, _head(plan, shape[0], num_classes))


def _convolution(
    index: int, channels_in: int, channels: int, activation: Callable[..., nn.Module]
) -> dict[str, nn.Module]:
    # Batch norm makes the bias redundant; torchvision has it, and weights are to be interchanged.
    return {
        f"conv_{index}": SameConv2d(channels_in, channels),
        f"norm_{index}": BatchNorm2d(channels),
        f"activation_{index}": activation(),
    }


def _head(plan: Plan, channels: int, num_classes: int) -> nn.Sequential:
    inputs = channels * plan.head_grid**2
    pieces: OrderedDict[str, nn.Module] = OrderedDict(pool=nn.AdaptiveAvgPool2d(plan.head_grid), flatten=nn.Flatten())
    if plan.head_hidden is not None:
        pieces["hidden"] = nn.Linear(inputs, plan.head_hidden)
        pieces["activation"] = ACTIVATIONS[plan.activation]()
        pieces["dropout"] = nn.Dropout(HEAD_DROPOUT)
    pieces["classes"] = nn.Linear(plan.head_hidden or inputs, num_classes)
    return nn.Sequential(pieces)
