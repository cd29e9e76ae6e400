"""Settings of the backbones, and what follows from them before anything is built."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from lwtrain.backbones import cnn_plan, plans, resnet_plan
from lwtrain.config.ranges import Count, Index, Positive, ShareOrNone


class ModelConfig(ABC):
    """What every backbone's settings tell.

    Attributes:
        maps: What may stand between its layers, by name, the one that it is published with first.
    """

    maps: ClassVar[tuple[str, ...]] = ("none",)

    name: str

    @property
    @abstractmethod
    def num_layers(self) -> int:
        """How many layers train one after the other, the head not counted.

        Raises:
            ValueError: If the settings leave no way to cut the backbone into layers.
        """

    @abstractmethod
    def check_image_size(self, image_size: int) -> None:
        """Refuse images of which nothing would be left.

        Args:
            image_size: Height and width, in pixels.

        Raises:
            ValueError: If they are too small.
        """


@dataclass(frozen=True)
class VGGConfig(ModelConfig):
    """A VGG, by the name of its plan."""

    maps: ClassVar[tuple[str, ...]] = ("pool", "average", "conv")

    name: str
    width: Positive
    layer_depth: Count
    whitening: bool

    @property
    def num_layers(self) -> int:
        """How many layers there are, the head not counted."""
        return plans.num_layers(self.name, self.layer_depth)

    def check_image_size(self, image_size: int) -> None:
        """Refuse images that the poolings would shrink to nothing."""
        plans.check_image_size(self.name, image_size)


@dataclass(frozen=True)
class StackedAutoencoderConfig(ModelConfig):
    """Identical autoencoders one on the other."""

    maps: ClassVar[tuple[str, ...]] = ("interpolation", "random", "conv", "decoder")

    name: Literal["stacked_autoencoder"]
    depth: Count
    channels: Count

    @property
    def num_layers(self) -> int:
        """How many layers there are, the head not counted."""
        return self.depth

    def check_image_size(self, image_size: int) -> None:
        """Take images of any size."""


@dataclass(frozen=True)
class CNNConfig(ModelConfig):
    """A small convolutional network, with what widens, deepens and regularises it."""

    maps: ClassVar[tuple[str, ...]] = ("pool", "average", "conv")

    name: Literal["cnn"]
    channels: Count
    activation: Literal["tanh", "relu"]
    hidden: Count
    dropout: ShareOrNone
    batch_norm: bool
    skip: bool
    blocks: Index
    shared_blocks: bool
    projection: Literal["none", "project", "embed"]

    @property
    def num_layers(self) -> int:
        """How many layers there are, the head not counted."""
        return len(self._plan())

    def check_image_size(self, image_size: int) -> None:
        """Refuse images that the poolings would shrink to nothing."""
        cnn_plan.check_image_size(self._plan(), image_size)

    def _plan(self) -> list[cnn_plan.CNNLayer]:
        return cnn_plan.plan_layers(
            self.channels,
            skip=self.skip,
            blocks=self.blocks,
            shared_blocks=self.shared_blocks,
            projection=self.projection,
        )


@dataclass(frozen=True)
class AllConvConfig(ModelConfig):
    """Convolutions alone."""

    name: Literal["allconv"]
    channels: Count
    residuals: bool
    dropout: ShareOrNone
    rectified_logits: bool

    @property
    def num_layers(self) -> int:
        """How many layers there are, the head not counted."""
        return 8

    def check_image_size(self, image_size: int) -> None:
        """Take images of any size: a stride leaves something of a single pixel."""


@dataclass(frozen=True)
class MLPConfig(ModelConfig):
    """Dense layers."""

    name: Literal["mlp"]
    hidden: list[Count]
    activation: Literal["relu", "tanh", "leaky_relu"]
    batch_norm: bool
    branches: Count

    @property
    def num_layers(self) -> int:
        """How many layers there are, the head not counted."""
        if not self.hidden:
            raise ValueError("model.hidden=[]: give one number of units for each layer, at least one layer")
        return len(self.hidden)

    def check_image_size(self, image_size: int) -> None:
        """Take images of any size."""


@dataclass(frozen=True)
class ConvAutoencoderConfig(ModelConfig):
    """Strided convolutions, and a linear layer that gives the code."""

    name: Literal["conv_autoencoder"]
    channels: list[Count]
    code: Count

    @property
    def num_layers(self) -> int:
        """How many layers there are, the head not counted."""
        if not self.channels:
            raise ValueError("model.channels=[]: choose a number of at least 1 for each convolution")
        return len(self.channels) + 1

    def check_image_size(self, image_size: int) -> None:
        """Take images of any size."""


@dataclass(frozen=True)
class ResNetConfig(ModelConfig):
    """A ResNet for small images, and into what it is cut."""

    name: Literal["resnet20", "resnet32", "resnet56", "resnet110"]
    width: Positive
    modules: Literal["all"] | Count | list[Count]
    head: Literal["alone", "joined"]
    shortcut: Literal["pad", "conv"]

    @property
    def num_layers(self) -> int:
        """How many layers there are, the head not counted."""
        return len(resnet_plan.plan_cut(self.name, self.modules, self.head).layers)

    def check_image_size(self, image_size: int) -> None:
        """Take images of any size: a stride leaves something of a single pixel."""


AnyModelConfig = (
    VGGConfig | StackedAutoencoderConfig | CNNConfig | AllConvConfig | MLPConfig | ConvAutoencoderConfig | ResNetConfig
)
