"""Settings of the sidecars. `rebuilds`: there is a decoder; `inverts`: it reads the layer's own output."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from lwtrain.config.ranges import Count, Index, Positive, ShareOrNone


@dataclass(frozen=True)
class AutoencoderConfig:
    """A sidecar with encoder, decoder and supervision: a, b or c."""

    rebuilds: ClassVar[bool] = True
    inverts: ClassVar[bool] = False

    name: str
    dropout: ShareOrNone
    dropout_kind: Literal["channel", "element"]
    hidden: Count
    output: Literal["auto", "sigmoid", "linear"]
    kernel_size: Literal[1, 3, 5, 7]


@dataclass(frozen=True)
class PoolConfig:
    """A light sidecar that only classifies, or also projects what an objective compares."""

    rebuilds: ClassVar[bool] = False
    inverts: ClassVar[bool] = False

    name: Literal["pool", "similarity"]
    grid: Count


@dataclass(frozen=True)
class ConvConfig:
    """A sidecar that only classifies, through hidden convolutions."""

    rebuilds: ClassVar[bool] = False
    inverts: ClassVar[bool] = False

    name: Literal["conv"]
    convs: Index
    grid: Count


@dataclass(frozen=True)
class StridedConfig:
    """A sidecar of strided and transposed convolutions, with supervision."""

    rebuilds: ClassVar[bool] = True
    inverts: ClassVar[bool] = False

    name: Literal["strided"]
    steps: Count
    width: Positive
    dropout: ShareOrNone
    hidden: Count
    output: Literal["auto", "sigmoid", "linear"]
    kernel_size: Literal[3, 5, 7]


@dataclass(frozen=True)
class DenseConfig:
    """A sidecar of matrices, with supervision."""

    rebuilds: ClassVar[bool] = True
    inverts: ClassVar[bool] = False

    name: Literal["dense"]
    code: Count
    dropout: ShareOrNone
    hidden: Count
    output: Literal["auto", "sigmoid", "linear"]


@dataclass(frozen=True)
class MirrorConfig:
    """A sidecar that leads from a layer's output straight back to its input, and a linear classifier."""

    rebuilds: ClassVar[bool] = True
    inverts: ClassVar[bool] = True

    name: Literal["mirror"]
    grid: Count
    output: Literal["auto", "sigmoid", "linear"]
    activation: Literal["relu", "none"]
    kernel_size: Literal[3, 5, 7]


@dataclass(frozen=True)
class InfoProConfig:
    """A sidecar that rebuilds the network's images from each layer's output, and classifies behind a convolution."""

    rebuilds: ClassVar[bool] = True
    inverts: ClassVar[bool] = False

    name: Literal["infopro"]
    channels: Count
    hidden: Count


EncoderConfig = AutoencoderConfig | PoolConfig | ConvConfig | StridedConfig | DenseConfig | MirrorConfig | InfoProConfig
