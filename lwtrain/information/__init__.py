"""How much two variables tell about each other: estimators that watch a layer, and one that trains it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from lwtrain.registry import Registry

if TYPE_CHECKING:  # torch stays out until an estimator is built
    from lwtrain.information.estimator import Estimator

# A builder takes (name) and the settings of its own, all of which have defaults.
ESTIMATORS: Registry["Callable[..., Estimator]"] = Registry(
    "callbacks.information_plane.estimators", "lwtrain.information"
)
