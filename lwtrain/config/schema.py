"""What can be set, and to what: one dataclass for each choice of a config group. conf/ holds the values to start from.

A type says all that a single setting has to keep; `lwtrain.config.reading` takes it at its word. Where a group's
choices take different settings, the choice called in a `name: Literal[...]` has those of that class and all others
those of the class with `name: str`, so that a new choice with known settings needs a YAML file in conf/ and no class.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from lwtrain.config.ranges import Count, Index, NotNegative, OrAuto, Positive, Range, Share, ShareOrAll, ShareOrNone
from lwtrain.objectives.weights import weighty_reconstructions


@dataclass(frozen=True)
class DatasetConfig:
    """The images and what is done to them."""

    name: str
    image_size: Count | None
    fit: Literal["pad", "scale"]
    augmentation: str
    flip: bool


@dataclass(frozen=True)
class ModelConfig:
    """The backbone."""

    name: str
    width: Positive
    layer_depth: Count


@dataclass(frozen=True)
class MapConfig:
    """What stands between two layers where the backbone pools."""

    name: str


@dataclass(frozen=True)
class AutoencoderConfig:
    """A sidecar with encoder, decoder and supervision: a, b or c."""

    rebuilds: ClassVar[bool] = True

    name: str
    dropout: ShareOrNone
    dropout_kind: Literal["channel", "element"]
    hidden: Count
    output: Literal["auto", "sigmoid", "linear"]
    kernel_size: Literal[1, 3, 5, 7]


@dataclass(frozen=True)
class PoolConfig:
    """A light sidecar that only classifies."""

    rebuilds: ClassVar[bool] = False

    name: Literal["pool"]
    grid: Count


EncoderConfig = AutoencoderConfig | PoolConfig


@dataclass(frozen=True)
class BalancedConfig:
    """A local loss that weighs reconstruction against prediction."""

    name: str
    alpha: ShareOrAll | Literal["learned"]
    reconstruction: Literal["mse", "bce"]
    label_smoothing: ShareOrNone

    @property
    def rebuilds(self) -> bool:
        """Whether any reconstruction has a weight."""
        return any(weighty_reconstructions(self.name, self.alpha))

    @property
    def rebuilds_unlabelled(self) -> bool:
        """Whether that of unlabelled images has."""
        return weighty_reconstructions(self.name, self.alpha).unlabelled


@dataclass(frozen=True)
class PredictionConfig:
    """Cross entropy alone."""

    rebuilds: ClassVar[bool] = False
    rebuilds_unlabelled: ClassVar[bool] = False

    name: Literal["prediction"]
    label_smoothing: ShareOrNone


ObjectiveConfig = BalancedConfig | PredictionConfig


@dataclass(frozen=True)
class SequentialConfig:
    """Each layer to its end before the next."""

    name: Literal["sequential"]
    epochs: Count


@dataclass(frozen=True)
class WaveConfig:
    """Sweeps from the first layer to the head."""

    name: Literal["wave"]
    epochs: Count
    waves: Count


@dataclass(frozen=True)
class SimultaneousConfig:
    """All layers at once, each from its own loss."""

    name: Literal["simultaneous"]
    epochs: Count


@dataclass(frozen=True)
class BackpropConfig:
    """All layers at once, end to end."""

    name: Literal["backprop"]
    epochs: Count


@dataclass(frozen=True)
class VisitConfig:
    """One visit of a custom schedule."""

    layer: Index | Literal["head"]
    epochs: Count = 1
    wave: Index | None = None


@dataclass(frozen=True)
class CustomConfig:
    """Visits as the user lists them."""

    name: Literal["custom"]
    visits: list[VisitConfig]


ScheduleConfig = SequentialConfig | WaveConfig | SimultaneousConfig | BackpropConfig | CustomConfig


@dataclass(frozen=True)
class AdamConfig:
    """Adam, or with decoupled weight decay AdamW."""

    name: Literal["adam", "adamw"]
    lr: Positive | list[Positive]
    lr_decay: Positive
    course: Literal["linear", "cosine", "constant"]
    resting_state: Literal["same", "bf16", "host"]
    weight_decay: NotNegative


@dataclass(frozen=True)
class SGDConfig:
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    lr: Positive | list[Positive]
    lr_decay: Positive
    course: Literal["linear", "cosine", "constant"]
    resting_state: Literal["same", "bf16", "host"]
    weight_decay: NotNegative
    momentum: ShareOrNone
    nesterov: bool


OptimizerConfig = AdamConfig | SGDConfig


@dataclass(frozen=True)
class FrontConfig:
    """Where the activations that enter the active layer are kept."""

    name: str
    views: Literal["fresh"] | Count
    folder: str | None


@dataclass(frozen=True)
class TrainerConfig:
    """Settings of Lightning's Trainer by its own names; None leaves the choice to Lightning."""

    accelerator: Literal["auto", "cpu", "gpu", "cuda", "mps"] = "auto"
    devices: Literal["auto"] | Count | list[Index] = 1
    num_nodes: Count = 1
    strategy: Literal["auto", "ddp"] = "auto"
    sync_batchnorm: bool = False
    max_epochs: Count | None = None
    max_steps: Count | Literal[-1] = -1
    max_time: str | None = None
    limit_train_batches: Count | ShareOrAll | None = None
    limit_val_batches: Count | ShareOrAll | None = None
    limit_test_batches: Count | ShareOrAll | None = None
    fast_dev_run: bool | Count = False
    num_sanity_val_steps: Index = 0
    check_val_every_n_epoch: Count = 1
    log_every_n_steps: Count = 10
    accumulate_grad_batches: Count = 1
    gradient_clip_val: Positive | None = None
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    deterministic: bool | Literal["warn"] | None = None
    benchmark: bool | None = None
    detect_anomaly: bool = False
    profiler: Literal["simple", "advanced", "pytorch"] | None = None
    enable_model_summary: bool = False

    @property
    def num_devices(self) -> int | None:
        """How many of a machine's devices are used; None: as many as it has."""
        if self.devices == "auto":
            return None
        return len(self.devices) if isinstance(self.devices, list) else self.devices


@dataclass(frozen=True)
class LoggerConfig:
    """What is written beside the screen."""

    tensorboard: bool
    csv: bool


@dataclass(frozen=True)
class CallbacksConfig:
    """What watches over the training."""

    check_loss_every: Count


@dataclass(frozen=True)
class LayerConfig:
    """Layers taken from, and left to, other runs."""

    load: list[str] | None
    store: bool


@dataclass(frozen=True)
class Config:
    """All that a run is made of; every value is within its own range and fits the others."""

    seed: Annotated[int, Range(at_least=0, below=2**32)]
    labels: Literal["all"] | Count | Share
    batches: Annotated[Literal["half", "proportional", "labelled"], OrAuto()]
    batch_size: Annotated[int, Range(at_least=2)]
    micro_batch: Annotated[int, Range(at_least=2)] | None
    validation: Share | Literal["test"]
    precision: Literal["auto", "32", "bf16"]
    compile: bool
    progress: Literal["auto", "rich", "plain", "none"]
    data_dir: str
    ckpt_path: str | None
    layer: LayerConfig
    dataset: DatasetConfig
    model: ModelConfig
    map: MapConfig
    encoder: EncoderConfig
    objective: ObjectiveConfig
    schedule: ScheduleConfig
    optimizer: OptimizerConfig
    front: FrontConfig
    trainer: TrainerConfig
    logger: LoggerConfig
    callbacks: CallbacksConfig
