"""The sidecar of InfoPro: two small convolutional networks beside a layer, one back to the image, one to the label."""

from collections import OrderedDict
from collections.abc import Iterator

from torch import Tensor, nn

from lwtrain.activations import ReLU
from lwtrain.backbones.backbone import LayerShape, Shape
from lwtrain.convolution import SameConv2d
from lwtrain.normalisation import BatchNorm2d
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.forked import ForkedSidecar
from lwtrain.sidecars.rebuilding import ImageSigmoid

SMALL = (
    8  # pixels per side, up to which the classifier's convolution keeps size and channels, as in a ResNet's last stage
)


@SIDECARS.register("infopro")
class InfoProSidecar(ForkedSidecar):
    """Rebuilds the images that entered the *network*, and classifies behind a convolution.

    The decoder enlarges the layer's output to the images' size, bilinearly, and applies two 3x3 convolutions. The
    classifier is a 3x3 convolution that halves the image and doubles the channels (neither, where at most `SMALL`
    pixels are left), the average over the image, a hidden layer and one that gives the classes. Those of Wang et al.
    (2021, arXiv:2101.10832), who call the latter "1c2f". Convolutions but the last have batch norm and ReLU.

    When not to use it: beside wide layers of small images. The decoder convolves all of a layer's channels at the
    images' full size: 512 channels of 2 x 2 pixels become 512 of 32 x 32.

    Args:
        name: "infopro".
        shape: The images that enter the network (not the layer), to rebuild, and the layer's output, to read.
        num_classes: Number of logits.
        depth: How many layers lie below; all of them rebuild images.
        channels: Of the decoder, between its two convolutions.
        hidden: Units of the classifier's hidden layer.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> import torch
        >>> sidecar = InfoProSidecar("infopro", LayerShape((3, 32, 32), (64, 8, 8)), num_classes=10, depth=5)
        >>> logits, reconstruction, *_ = sidecar(torch.rand(4, 64, 8, 8), num_labelled=2)
        >>> logits.shape, reconstruction.shape
        (torch.Size([2, 10]), torch.Size([4, 3, 32, 32]))
    """

    rebuilds_images = True

    def __init__(
        self,
        name: str,  # noqa: ARG002 - there is one
        shape: LayerShape,
        num_classes: int,
        *,
        depth: int,  # noqa: ARG002
        channels: int = 12,
        hidden: int = 128,
    ) -> None:
        for setting, number in (("channels", channels), ("hidden", hidden)):
            if number < 1:
                raise ValueError(f"encoder.{setting}={number}: choose 1 or more")
        super().__init__()
        self.decoder = _decoder(shape, channels)
        self.classifier = _classifier(shape.outputs, num_classes, hidden)

    def rebuild(self, features: Tensor) -> Tensor:
        """Give the reconstruction of all rows."""
        return self.decoder(features)

    def decoder_parameters(self) -> Iterator[nn.Parameter]:
        """What only the reconstruction needs."""
        return self.decoder.parameters()


def _decoder(shape: LayerShape, channels: int) -> nn.Sequential:
    pieces: OrderedDict[str, nn.Module] = OrderedDict()
    if shape.outputs[1:] != shape.inputs[1:]:
        pieces["resize"] = nn.Upsample(size=shape.inputs[1:], mode="bilinear", align_corners=True)
    pieces |= _convolution(SameConv2d(shape.outputs[0], channels))
    pieces |= {"image": SameConv2d(channels, shape.inputs[0]), "output": ImageSigmoid()}
    return nn.Sequential(pieces)


def _classifier(outputs: Shape, num_classes: int, hidden: int) -> nn.Sequential:
    channels, *sides = outputs
    small = max(sides) <= SMALL
    wide = channels if small else 2 * channels
    conv = SameConv2d(channels, wide, bias=False) if small else nn.Conv2d(channels, wide, 3, 2, 1, bias=False)
    pieces: OrderedDict[str, nn.Module] = OrderedDict(
        **_convolution(conv),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        hidden=nn.Linear(wide, hidden),
        rectifier=nn.ReLU(inplace=True),
        classes=nn.Linear(hidden, num_classes),
    )
    return nn.Sequential(pieces)


def _convolution(conv: nn.Conv2d) -> dict[str, nn.Module]:
    return {"conv": conv, "norm": BatchNorm2d(conv.out_channels), "activation": ReLU()}
