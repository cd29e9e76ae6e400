"""What can be set, and to what: one dataclass for each choice of a config group. conf/ holds the values to start from.

A type says all that a single setting has to keep; `lwtrain.config.reading` takes it at its word. Where a group's
choices take different settings, the choice called in a `name: Literal[...]` has those of that class and all others
those of the class with `name: str`, so that a new choice with known settings needs a YAML file in conf/ and no class.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from lwtrain.config.ranges import Count, OrAuto, Range, Share, ShareOrAll
from lwtrain.config.schema.dataset import (
    AnyDatasetConfig,
    DatasetConfig,
    FakeConfig,
    ImageFolderConfig,
    PublishedConfig,
)
from lwtrain.config.schema.encoder import (
    AutoencoderConfig,
    ConvConfig,
    DenseConfig,
    EncoderConfig,
    InfoProConfig,
    MirrorConfig,
    PoolConfig,
    StridedConfig,
)
from lwtrain.config.schema.model import (
    AllConvConfig,
    AnyModelConfig,
    CNNConfig,
    ConvAutoencoderConfig,
    MLPConfig,
    ModelConfig,
    ResNetConfig,
    StackedAutoencoderConfig,
    VGGConfig,
)
from lwtrain.config.schema.objective import (
    BalancedConfig,
    HSICConfig,
    InfoProLossConfig,
    ObjectiveConfig,
    PredictionConfig,
    PredSimConfig,
    ReconstructionConfig,
)
from lwtrain.config.schema.optimizer import AdamConfig, OptimizerConfig, SGDConfig
from lwtrain.config.schema.schedule import (
    AtOnce,
    BackpropConfig,
    CustomConfig,
    PipelinedConfig,
    ScheduleConfig,
    SequentialConfig,
    SimultaneousConfig,
    VisitConfig,
    WaveConfig,
)
from lwtrain.config.schema.trainer import TrainerConfig

__all__ = [
    "AdamConfig",
    "AllConvConfig",
    "AnyDatasetConfig",
    "AnyModelConfig",
    "AtOnce",
    "AutoencoderConfig",
    "BackpropConfig",
    "BalancedConfig",
    "CNNConfig",
    "CallbacksConfig",
    "Config",
    "ConvAutoencoderConfig",
    "ConvConfig",
    "CustomConfig",
    "DatasetConfig",
    "DenseConfig",
    "EncoderConfig",
    "FakeConfig",
    "FrontConfig",
    "HSICConfig",
    "ImageFolderConfig",
    "InfoProConfig",
    "InfoProLossConfig",
    "InformationPlaneConfig",
    "LayerConfig",
    "LoggerConfig",
    "MLPConfig",
    "MapConfig",
    "MirrorConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "OptimizerConfig",
    "PipelinedConfig",
    "PoolConfig",
    "PredSimConfig",
    "PredictionConfig",
    "PseudoLabelsConfig",
    "PublishedConfig",
    "ReconstructionConfig",
    "ResNetConfig",
    "SGDConfig",
    "ScheduleConfig",
    "SequentialConfig",
    "SimultaneousConfig",
    "StackedAutoencoderConfig",
    "StridedConfig",
    "TrainerConfig",
    "VGGConfig",
    "VisitConfig",
    "VoteConfig",
    "WaveConfig",
]


@dataclass(frozen=True)
class MapConfig:
    """What stands between the layers."""

    name: str


@dataclass(frozen=True)
class FrontConfig:
    """Where the activations that enter the active layer are kept."""

    name: str
    views: Literal["fresh"] | Count
    folder: str | None


@dataclass(frozen=True)
class LoggerConfig:
    """What is written beside the screen."""

    tensorboard: bool
    csv: bool


@dataclass(frozen=True)
class InformationPlaneConfig:
    """How much each layer tells about the image and the label, while it trains."""

    estimators: list[Literal["binning", "edge", "hsic", "normalised_hsic"]]
    images: Annotated[int, Range(at_least=2)]
    every: Count


@dataclass(frozen=True)
class CallbacksConfig:
    """What watches over the training."""

    check_loss_every: Count
    on_nan: Literal["stop", "rewind"]
    pictures: Annotated[int, Range(at_least=0)]
    dashboard: bool
    information_plane: InformationPlaneConfig | None


@dataclass(frozen=True)
class LayerConfig:
    """Layers taken from, and left to, other runs."""

    load: list[str] | None
    store: bool


@dataclass(frozen=True)
class PseudoLabelsConfig:
    """Labels that unlabelled images get from the network itself, or from one that has been trained before."""

    teacher: Literal["none", "vote", "own"] | str
    share: ShareOrAll
    ramp: Annotated[float, Range(at_least=0, at_most=1)]

    @property
    def teaches(self) -> bool:
        """Whether there is a teacher."""
        return self.teacher != "none"

    @property
    def run(self) -> Path | None:
        """The folder of the trained run that teaches; None where the network does itself."""
        return None if self.teacher in ("none", "vote", "own") else Path(self.teacher)


@dataclass(frozen=True)
class VoteConfig:
    """How the layers' votes are counted."""

    weights: Literal["equal", "doubling", "accuracy", "likelihood"]
    flips: bool


@dataclass(frozen=True)
class Config:
    """All that a run is made of; every value is within its own range and fits the others."""

    seed: Annotated[int, Range(at_least=0, below=2**32)]
    labels: Literal["all"] | Count | Share
    batches: Annotated[Literal["half", "proportional", "labelled"], OrAuto()] | Share
    batch_size: Annotated[int, Range(at_least=2)]
    mixup: Annotated[float, Range(at_least=0)]
    micro_batch: Annotated[int, Range(at_least=2)] | None
    validation: Share | Literal["test"]
    precision: Literal["auto", "32", "bf16"]
    compile: bool
    cuda_graphs: bool
    progress: Literal["auto", "rich", "plain", "none"]
    data_dir: str
    ckpt_path: str | None
    vote: VoteConfig
    layer: LayerConfig
    pseudo_labels: PseudoLabelsConfig
    dataset: AnyDatasetConfig
    model: AnyModelConfig
    map: MapConfig
    encoder: EncoderConfig
    objective: ObjectiveConfig
    schedule: ScheduleConfig
    optimizer: OptimizerConfig
    front: FrontConfig
    trainer: TrainerConfig
    logger: LoggerConfig
    callbacks: CallbacksConfig
