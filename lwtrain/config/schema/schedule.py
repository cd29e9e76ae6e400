"""Settings of the schedules."""

from dataclasses import dataclass
from typing import Literal

from lwtrain.config.ranges import Count, Index, ShareOrNone


@dataclass(frozen=True)
class SequentialConfig:
    """Each layer to its end before the next."""

    name: Literal["sequential"]
    epochs: Count | list[Count]


@dataclass(frozen=True)
class WaveConfig:
    """Sweeps from the first layer to the head."""

    name: Literal["wave"]
    epochs: Count | list[Count]
    waves: Count


@dataclass(frozen=True)
class SimultaneousConfig:
    """All layers at once, each from its own loss."""

    name: Literal["simultaneous"]
    epochs: Count
    settle: ShareOrNone


@dataclass(frozen=True)
class PipelinedConfig:
    """All layers at once, each from its own loss, dealt out to a line of processes."""

    name: Literal["pipelined"]
    epochs: Count
    deal: list[Count] | None
    queue: Count


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


ScheduleConfig = SequentialConfig | WaveConfig | SimultaneousConfig | PipelinedConfig | BackpropConfig | CustomConfig
AtOnce = (SimultaneousConfig, PipelinedConfig)
"""The schedules by which all layers learn from the same batches, each from its own loss."""
