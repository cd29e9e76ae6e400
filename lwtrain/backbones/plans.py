"""What each VGG looks like, as data. Plain Python, so that a setting can be checked before torch is imported."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from lwtrain.registry import choices_hint

Step = int | Literal["M"]  # the output channels of a 3x3 convolution, or a 2x2 pooling


@dataclass(frozen=True)
class Plan:
    """A VGG from image to logits: convolutions, poolings between them, and the size of the head.

    Attributes:
        steps: Starts with a convolution and has no two poolings in a row.
        activation: Follows every convolution, and the hidden units of the head.
        head_grid: The head sees the features averaged to `head_grid` x `head_grid`.
        head_hidden: Units of the head's hidden layer; None: there is none.
    """

    steps: tuple[Step, ...]
    activation: Literal["relu", "leaky_relu"]
    head_grid: int
    head_hidden: int | None

    @property
    def convolutions(self) -> list["Convolution"]:
        """The convolutions, first to last, each with what follows it."""
        followers = (*self.steps[1:], None)
        pairs = zip(self.steps, followers, strict=True)
        return [Convolution(step, follower == "M") for step, follower in pairs if isinstance(step, int)]

    @property
    def num_poolings(self) -> int:
        """How often the image is halved."""
        return self.steps.count("M")


class Convolution(NamedTuple):
    """One convolution of a plan: its output channels, and whether a pooling follows."""

    channels: int
    pools_after: bool


def _imagenet(*steps: Step) -> Plan:
    """A VGG by Simonyan and Zisserman (2014), arXiv:1409.1556, with a head for small images.

    Their two hidden layers of 4,096 units see 7 x 7 positions of a 224-pixel image. Five poolings leave one position
    of a 32-pixel image, so the head averages to 1 x 1, which any image size allows, and its hidden layer is as wide as
    the features that enter it.
    """
    return Plan(steps, activation="relu", head_grid=1, head_hidden=512)


def _sidecar_report(*steps: Step) -> Plan:
    """A VGG of the layer-wise training report of 2019."""
    return Plan(steps, activation="leaky_relu", head_grid=4, head_hidden=1024)


def _local_errors(*steps: Step) -> Plan:
    """A VGG by Nøkland and Eidnes (2019), arXiv:1901.06656; a 32-pixel image leaves its head the 2 x 2 positions."""
    return Plan(steps, activation="relu", head_grid=2, head_hidden=1024)


def _greedy(*steps: Step) -> Plan:
    """A CNN of Belilovsky, Eickenberg and Oyallon (2019), arXiv:1812.11446, as the commands of their code build it.

    Each of their classifiers, the last layer's included, reads a grid of 2 x 2 positions by one linear layer.
    """
    return Plan(steps, activation="relu", head_grid=2, head_hidden=None)


PLANS: dict[str, Plan] = {
    "vgg11": _imagenet(64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "vgg13": _imagenet(64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    "vgg16": _imagenet(64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"),
    "vgg19": _imagenet(64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"),
    "vgg_a": _sidecar_report(64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512),
    "vgg_b": _sidecar_report(32, 32, "M", 64, 64, "M", 128, 128, "M", 256, 256),
    "vgg_c": _sidecar_report(16, 16, "M", 32, 32, "M", 64, 64, "M", 128, 128),
    "vgg_d": _sidecar_report(64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 1024, 1024),
    "vgg8b": _local_errors(128, 256, "M", 256, 512, "M", 512, "M", 512, "M"),
    "vgg11b": _local_errors(128, 128, 128, 256, "M", 256, 512, "M", 512, 512, "M", 512, "M"),
    "greedy_cnn": _greedy(128, 128, "M", 256, 256),  # k = 2, 3
    "greedy_cnn_wide": _greedy(256, 256, "M", 512, "M", 1024, 1024),  # k = 1
    # Of the learning curves in the code of the same authors' arXiv:1901.08164; there with two hidden layers.
    "decoupled_cnn": Plan((64, "M", 128, 128, "M", 256), activation="relu", head_grid=2, head_hidden=1024),
}


def find_plan(name: str) -> Plan:
    """The plan called `name`.

    Raises:
        ValueError: If there is none; the message lists those there are.
    """
    if name not in PLANS:
        raise ValueError(f"model={name}: {choices_hint(name, list(PLANS))}")
    return PLANS[name]


def smallest_image(name: str) -> int:
    """The shortest side of an image, in pixels, of which the poolings leave something.

    Example:
        >>> smallest_image("vgg11")
        32
    """
    return int(2 ** find_plan(name).num_poolings)


def check_image_size(name: str, image_size: int) -> None:
    """Refuse images that `name` would pool away.

    Args:
        name: One of `PLANS`.
        image_size: The shortest side of the images, in pixels.

    Raises:
        ValueError: If the images are too small.

    Example:
        >>> check_image_size("vgg11", 16)
        Traceback (most recent call last):
        ValueError: dataset.image_size=16: vgg11 pools 5 times, choose 32 or more
    """
    if image_size < smallest_image(name):
        num_poolings = find_plan(name).num_poolings
        raise ValueError(
            f"dataset.image_size={image_size}: {name} pools {num_poolings} times, choose {smallest_image(name)} or more"
        )


def split_layers(name: str, layer_depth: int = 1) -> list[list[Convolution]]:
    """Cut a plan into layers of `layer_depth` convolutions each; the last one takes what is left.

    A pooling between two convolutions of a layer belongs to it, one behind its last convolution is the map.

    Raises:
        ValueError: If `layer_depth` is below 1 or above the number of convolutions.

    Example:
        >>> split_layers("vgg_a", layer_depth=3)[2]
        [Convolution(channels=512, pools_after=False), Convolution(channels=512, pools_after=False)]
    """
    convolutions = find_plan(name).convolutions
    if not 1 <= layer_depth <= len(convolutions):
        raise ValueError(f"model.layer_depth={layer_depth}: choose 1 to {len(convolutions)} for {name}")
    return [convolutions[first : first + layer_depth] for first in range(0, len(convolutions), layer_depth)]


def num_layers(name: str, layer_depth: int = 1) -> int:
    """How many layers train one after the other, the head not counted.

    Raises:
        ValueError: If `layer_depth` is below 1 or above the number of convolutions.

    Example:
        >>> num_layers("vgg16"), num_layers("vgg16", layer_depth=2)
        (13, 7)
    """
    return len(split_layers(name, layer_depth))
