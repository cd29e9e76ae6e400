"""The local losses: what a layer minimises, from what its sidecar made of its output."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lwtrain.registry import Registry

if TYPE_CHECKING:  # torch stays out until an objective is built
    from lwtrain.objectives.objective import Objective

# A builder takes (name, *, depth: int) and the settings of its own; `depth` is the number of layers below: with 0
# the layer's input is an image in [0, 1].
OBJECTIVES: Registry["Callable[..., Objective]"] = Registry("objective", "lwtrain.objectives")
