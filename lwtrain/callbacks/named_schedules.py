"""The schedules that can be chosen by name; they differ in their visits only."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from lwtrain import schedules
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.callbacks.pipelined_schedule import PipelinedSchedule


class SequentialSchedule(LayerSchedule):
    """Trains each layer to its end before the next one starts.

    Args:
        epochs: Epochs per layer, or a number for each, the head's last.
        settings: `front`, `course`, `rest` and `resting_state`, as `LayerSchedule` takes them.
    """

    def __init__(self, epochs: int | Sequence[int], **settings: Any) -> None:
        super().__init__(partial(schedules.sequential, epochs=epochs), **settings)


class WaveSchedule(LayerSchedule):
    """Sweeps from the first layer to the head again and again; every layer trains a share of its epochs at a time.

    Args:
        epochs: Epochs per layer in all, or a number for each, the head's last.
        waves: How many sweeps share them; a divisor of `epochs`, or of each of them.
        settings: `front`, `course`, `rest` and `resting_state`, as `LayerSchedule` takes them.

    Example:
        >>> [moment.visit.layer for moment in WaveSchedule(epochs=2, waves=2).timetable(num_layers=3)]
        [0, 1, 2, 0, 1, 2]
    """

    def __init__(self, epochs: int | Sequence[int], waves: int, **settings: Any) -> None:
        super().__init__(partial(schedules.wave, epochs=epochs, waves=waves), **settings)


class SimultaneousSchedule(LayerSchedule):
    """Trains all layers on every batch, each from its own loss, with one optimizer step per batch.

    A layer's backward pass follows its forward pass at once, so that one layer's graph lives at a time: memory does
    not grow with depth. Layers read what those below them make in training mode, from the same batch.

    Args:
        epochs: Epochs in all, of the last layer and the head.
        settle: The share of them for which the first layer rests at the end; those between come to rest one by one.
        settings: `front`, `course`, `rest` and `resting_state`, as `LayerSchedule` takes them.
    """

    def __init__(self, epochs: int, settle: float = 0.0, **settings: Any) -> None:
        super().__init__(partial(schedules.simultaneous, epochs=epochs, settle=settle), **settings)


class BackpropSchedule(LayerSchedule):
    """Trains the whole backbone end to end, without sidecars: the baseline.

    Args:
        epochs: Epochs in all.
        settings: `front`, `course`, `rest` and `resting_state`, as `LayerSchedule` takes them.
    """

    def __init__(self, epochs: int, **settings: Any) -> None:
        super().__init__(partial(schedules.backprop, epochs=epochs), **settings)


class CustomSchedule(LayerSchedule):
    """Takes its visits from a list.

    Args:
        visits: Mappings with layer, epochs and wave; see `lwtrain.schedules.custom`.
        settings: `front`, `course`, `rest` and `resting_state`, as `LayerSchedule` takes them.
    """

    def __init__(self, visits: Iterable[Mapping[str, Any]], **settings: Any) -> None:
        super().__init__(partial(schedules.custom, visits=list(visits)), **settings)


SCHEDULES: dict[str, type[LayerSchedule]] = {
    "sequential": SequentialSchedule,
    "wave": WaveSchedule,
    "simultaneous": SimultaneousSchedule,
    "pipelined": PipelinedSchedule,
    "backprop": BackpropSchedule,
    "custom": CustomSchedule,
}
