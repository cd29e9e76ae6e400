"""Settings of the local losses."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from lwtrain.config.ranges import NotNegative, Positive, Share, ShareOrAll, ShareOrNone
from lwtrain.objectives.weights import weighty_reconstructions


@dataclass(frozen=True)
class BalancedConfig:
    """A local loss that weighs reconstruction against prediction."""

    compares_rows: ClassVar[bool] = False

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
    compares_rows: ClassVar[bool] = False

    name: Literal["prediction"]
    label_smoothing: ShareOrNone


@dataclass(frozen=True)
class HSICConfig:
    """The HSIC bottleneck."""

    rebuilds: ClassVar[bool] = False
    rebuilds_unlabelled: ClassVar[bool] = False
    compares_rows: ClassVar[bool] = True

    name: Literal["hsic"]
    normalised: bool
    sigma: Positive | list[Positive]
    coefficient: Positive | list[Positive]
    label_smoothing: ShareOrNone


@dataclass(frozen=True)
class PredSimConfig:
    """Prediction and similarity matching."""

    rebuilds: ClassVar[bool] = False
    rebuilds_unlabelled: ClassVar[bool] = False
    compares_rows: ClassVar[bool] = True

    name: Literal["predsim"]
    similarity: Share
    label_smoothing: ShareOrNone


@dataclass(frozen=True)
class ReconstructionConfig:
    """Reconstruction alone, and a probe."""

    rebuilds: ClassVar[bool] = True
    rebuilds_unlabelled: ClassVar[bool] = True
    compares_rows: ClassVar[bool] = False

    name: Literal["reconstruction"]
    reconstruction: Literal["mse", "bce"]
    label_smoothing: ShareOrNone


@dataclass(frozen=True)
class InfoProLossConfig:
    """Reconstruction of the network's images and prediction, each with a weight that may change from layer to layer."""

    compares_rows: ClassVar[bool] = False

    name: Literal["infopro"]
    reconstruction_weight: NotNegative | list[NotNegative]
    prediction_weight: NotNegative | list[NotNegative]
    label_smoothing: ShareOrNone

    @property
    def rebuilds(self) -> bool:
        """Whether any layer's reconstruction has a weight."""
        weight = self.reconstruction_weight
        return any(weight) if isinstance(weight, list) else weight > 0

    @property
    def rebuilds_unlabelled(self) -> bool:
        """Whether that of unlabelled images has: it is the same."""
        return self.rebuilds


ObjectiveConfig = (
    BalancedConfig | PredictionConfig | HSICConfig | PredSimConfig | InfoProLossConfig | ReconstructionConfig
)
