"""Settings of the optimizers."""

from dataclasses import dataclass
from typing import Literal

from lwtrain.config.ranges import Count, Index, NotNegative, Positive, Share, ShareOrNone


@dataclass(frozen=True)
class AdamConfig:
    """Adam, or with decoupled weight decay AdamW."""

    name: Literal["adam", "adamw"]
    lr: Positive | list[Positive]
    lr_decay: Positive
    course: Literal["linear", "cosine", "halving", "steps", "constant"]
    halve_every: Count
    drops_at: list[Share]
    drop_factor: Share
    warm_up: ShareOrNone
    average_last: Index
    resting_state: Literal["same", "bf16", "host"]
    weight_decay: NotNegative


@dataclass(frozen=True)
class SGDConfig:
    """Stochastic gradient descent."""

    name: Literal["sgd"]
    lr: Positive | list[Positive]
    lr_decay: Positive
    course: Literal["linear", "cosine", "halving", "steps", "constant"]
    halve_every: Count
    drops_at: list[Share]
    drop_factor: Share
    warm_up: ShareOrNone
    average_last: Index
    resting_state: Literal["same", "bf16", "host"]
    weight_decay: NotNegative
    momentum: ShareOrNone
    nesterov: bool


OptimizerConfig = AdamConfig | SGDConfig
