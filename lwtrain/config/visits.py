"""The visits that a run's settings ask for: every question about them is answered by these, whatever the schedule."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from lwtrain import schedules
from lwtrain.config.schema import (
    BackpropConfig,
    CustomConfig,
    PipelinedConfig,
    ScheduleConfig,
    SequentialConfig,
    SimultaneousConfig,
    WaveConfig,
)
from lwtrain.schedules import Visit, awake


def visits_of(schedule: ScheduleConfig, num_layers: int) -> Iterator[Visit]:
    """Make a schedule's visits one by one, so that whoever counts them can stop early.

    Args:
        schedule: Which one, with its settings.
        num_layers: How many layers there are, the head included.

    Raises:
        ValueError: If it cannot be carried out with so many layers.

    Example:
        >>> [visit.layer for visit in visits_of(WaveConfig(name="wave", epochs=2, waves=2), num_layers=3)]
        [0, 1, 2, 0, 1, 2]
    """
    match schedule:
        case SequentialConfig():
            return schedules.sequential(num_layers, schedule.epochs)
        case WaveConfig():
            return schedules.wave(num_layers, schedule.epochs, schedule.waves)
        case SimultaneousConfig():
            return schedules.simultaneous(num_layers, schedule.epochs, schedule.settle)
        case PipelinedConfig():
            return schedules.simultaneous(num_layers, schedule.epochs)
        case BackpropConfig():
            return schedules.backprop(num_layers, schedule.epochs)
        case CustomConfig():
            return schedules.custom(num_layers, [asdict(visit) for visit in schedule.visits])


def epochs_of_layers(visits: Iterable[Visit], num_layers: int) -> dict[int, int]:
    """Count the epochs for which each layer trains, by itself or with others.

    Example:
        >>> epochs_of_layers(schedules.simultaneous(num_layers=3, epochs=4, settle=0.5), num_layers=3)
        {0: 2, 1: 4, 2: 4}
    """
    epochs: Counter[int] = Counter()
    for visit in visits:
        for layer in awake(visit.layer, num_layers):
            epochs[layer] += visit.epochs
    return dict(epochs)
