"""What a layer asks of a machine, whatever the machine. Plain Python: no torch in here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple


class Work(NamedTuple):
    """Arithmetic, and the traffic that comes with it.

    Attributes:
        operations: Floating-point operations of matrix products and convolutions; a multiplication and an addition are
            two.
        bytes: Of all tensors that are made on the way.
    """

    operations: float
    bytes: float


@dataclass(frozen=True)
class LayerCost:
    """What one layer asks for, or the head; `lwtrain.scaling.counting.count_costs` finds it.

    Attributes:
        name: As in tags.
        learning: Of an image in a training step: forward and backward through layer and sidecar. No gradient of the
            layer's input is among it, for nobody wants that.
        step_bytes: Made in a training step of however many images: the weights' gradients.
        resting: Of an image that passes the layer and its map, forward, in eval mode.
        gradient_bytes: Of all parameters that a step of this layer changes.
        row_bytes: Of what enters the layer, for one image: its share of a front.
    """

    name: str
    learning: Work
    step_bytes: float
    resting: Work
    gradient_bytes: int
    row_bytes: int


def in_bfloat16(costs: Sequence[LayerCost]) -> list[LayerCost]:
    """Give costs that were counted in float32 as they are in bfloat16, by mixed precision.

    Activations take half the bytes. Gradients of weights stay in float32, and images have a byte for each value.

    Example:
        >>> first = LayerCost("layer_0", Work(9.0, 40.0), 5.0, Work(3.0, 8.0), gradient_bytes=7, row_bytes=3)
        >>> second = replace(first, name="layer_1", row_bytes=16)
        >>> [(cost.learning.bytes, cost.row_bytes) for cost in in_bfloat16([first, second])]
        [(20.0, 3), (20.0, 8)]
    """
    return [
        replace(
            cost,
            learning=cost.learning._replace(bytes=cost.learning.bytes / 2),
            resting=cost.resting._replace(bytes=cost.resting.bytes / 2),
            row_bytes=cost.row_bytes // 2 if number else cost.row_bytes,
        )
        for number, cost in enumerate(costs)
    ]
