"""Which layer trains when. Plain Python: no torch in here."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Together(Enum):
    """All layers train on every batch."""

    BACKPROP = "backprop"  # end to end, from the loss at the top
    SIMULTANEOUS = "simultaneous"  # each from its own loss


@dataclass(frozen=True)
class Upper:
    """All layers from one on train on every batch, each from its own loss; those below rest."""

    lowest: int


Turn = int | Together | Upper
"""Who trains: one layer (0 is nearest the image; the head comes last), or several."""


def awake(turn: Turn, num_layers: int, rest: Collection[int] = ()) -> list[int]:
    """Give the layers that move in a turn.

    Args:
        turn: Whose turn it is.
        num_layers: How many layers there are, the head included.
        rest: Layers that are trained already; by its own turn a layer trains all the same.

    Example:
        >>> [awake(turn, num_layers=4, rest=[2]) for turn in (2, Together.SIMULTANEOUS, Upper(1))]
        [[2], [0, 1, 3], [1, 3]]
    """
    if isinstance(turn, int):
        return [turn]
    lowest = turn.lowest if isinstance(turn, Upper) else 0
    return [layer for layer in range(lowest, num_layers) if layer not in rest]


@dataclass(frozen=True)
class Visit:
    """A run of epochs in which one layer trains and all others rest, or in which several train."""

    layer: Turn
    epochs: int
    wave: int = 0
    begin: int = 0  # what its first epoch is called: it may go on where an earlier visit has stopped

    @property
    def end(self) -> int:
        """What the epoch behind its last would be called."""
        return self.begin + self.epochs


@dataclass(frozen=True)
class Moment:
    """One epoch of a run."""

    visit: Visit
    epoch: int  # of the visit


def sequential(num_layers: int, epochs: int | Sequence[int]) -> Iterator[Visit]:
    """Train each layer to its end before the next one starts.

    Args:
        num_layers: How many layers there are, the head included.
        epochs: Epochs that each layer trains, or a number for each, the head's last.

    Raises:
        ValueError: If there is not a number for each layer, or one is less than 1.

    Example:
        >>> list(sequential(num_layers=2, epochs=5))
        [Visit(layer=0, epochs=5, wave=0, begin=0), Visit(layer=1, epochs=5, wave=0, begin=0)]
        >>> [visit.epochs for visit in sequential(num_layers=3, epochs=[5, 3, 1])]
        [5, 3, 1]
    """
    yield from wave(num_layers, epochs, waves=1)


def wave(num_layers: int, epochs: int | Sequence[int], waves: int) -> Iterator[Visit]:
    """Sweep from the first layer to the head again and again, a share of the epochs at a time.

    Args:
        num_layers: How many layers there are, the head included.
        epochs: Epochs that each layer trains in all, or a number for each, the head's last.
        waves: How many sweeps share them.

    Raises:
        ValueError: If a layer's epochs cannot be dealt out evenly, there is not a number for each layer, or one is less
            than 1.

    Example:
        >>> [visit.layer for visit in wave(num_layers=3, epochs=2, waves=2)]
        [0, 1, 2, 0, 1, 2]
    """
    own = _epochs_of_each(num_layers, epochs)
    if waves < 1 or any(number % waves for number in own):
        all_of_them = f"schedule.epochs={epochs}" if isinstance(epochs, int) else f"each of {_named(own)}"
        raise ValueError(f"schedule.waves={waves}: choose a divisor of {all_of_them}")
    for sweep in range(waves):
        for layer, number in enumerate(own):
            yield Visit(layer, number // waves, sweep)


def _epochs_of_each(num_layers: int, epochs: int | Sequence[int]) -> list[int]:
    if isinstance(epochs, int):
        _check_epochs(epochs)
        return [epochs] * num_layers
    own = list(epochs)
    if len(own) != num_layers:
        remedy = "give one for each, the head's last"
        raise ValueError(f"{_named(own)}: {len(own)} numbers for {num_layers} layers; {remedy}")
    if min(own) < 1:
        raise ValueError(f"{_named(own)}: choose 1 or more for each layer")
    return own


def _named(epochs: Iterable[int]) -> str:
    return f"schedule.epochs=[{','.join(map(str, epochs))}]"


def simultaneous(num_layers: int, epochs: int, settle: float = 0.0) -> Iterator[Visit]:
    """Train all layers on every batch, each from its own loss; layers may come to rest from below, one by one.

    Args:
        num_layers: How many layers there are, the head included.
        epochs: Epochs of the last layer and the head.
        settle: The share of them for which the first layer rests at the end. The layers between stop one after the
            other, at even distances, to whole epochs.

    Raises:
        ValueError: If a setting is out of range, or the first layer would train for no epoch.

    Example:
        >>> list(simultaneous(num_layers=3, epochs=5))
        [Visit(layer=<Together.SIMULTANEOUS: 'simultaneous'>, epochs=5, wave=0, begin=0)]
        >>> [(visit.layer, visit.epochs) for visit in simultaneous(num_layers=4, epochs=10, settle=0.4)][1:]
        [(Upper(lowest=1), 2), (Upper(lowest=2), 2)]
    """
    _check_epochs(epochs)
    begin = 0
    for lowest, end in enumerate(settled_after(num_layers, epochs, settle)):
        if end > begin:
            yield Visit(Upper(lowest) if lowest else Together.SIMULTANEOUS, end - begin, begin=begin)
        begin = end


def settled_after(num_layers: int, epochs: int, settle: float) -> list[int]:
    """Give the epochs after which each layer rests; see `simultaneous`.

    Raises:
        ValueError: If `settle` is out of range, or leaves no epoch to the first layer.

    Example:
        >>> settled_after(num_layers=4, epochs=10, settle=0.4)
        [6, 8, 10, 10]
    """
    if not 0 <= settle < 1:
        raise ValueError(f"schedule.settle={settle}: choose 0 or more and less than 1")
    if epochs - round(settle * epochs) < 1:
        raise ValueError(f"schedule.settle={settle}: of schedule.epochs={epochs} none is left for the first layer")
    last = max(num_layers - 2, 0)  # the layer below the head trains with it to the end
    return [
        epochs - (round(settle * epochs * (last - layer) / last) if layer < last else 0) for layer in range(num_layers)
    ]


def backprop(num_layers: int, epochs: int) -> Iterator[Visit]:  # noqa: ARG001 - one visit, however many layers
    """Train the whole backbone end to end: the baseline."""
    _check_epochs(epochs)
    yield Visit(Together.BACKPROP, epochs)


def _check_epochs(epochs: int) -> None:
    if epochs < 1:
        raise ValueError(f"schedule.epochs={epochs}: choose 1 or more")


def custom(num_layers: int, visits: Iterable[Mapping[str, Any]]) -> Iterator[Visit]:
    """Take the visits from a list, as YAML writes it.

    Args:
        num_layers: How many layers there are, the head included.
        visits: Mappings with `layer` (a number, or "head"), `epochs` (1 if left out) and `wave`. Where `wave` is left
            out, a new one begins when the list turns back to the same or a lower layer.

    Raises:
        ValueError: If the list is empty, or a visit names a layer that does not exist or trains for no epoch.

    Example:
        >>> [(visit.layer, visit.wave) for visit in custom(3, [{"layer": 0}, {"layer": "head"}, {"layer": 0}])]
        [(0, 0), (2, 0), (0, 1)]
    """
    previous, current_wave = -1, 0
    for number, entry in enumerate(visits):
        layer = num_layers - 1 if entry["layer"] == "head" else int(entry["layer"])
        epochs = int(entry.get("epochs", 1))
        if not 0 <= layer < num_layers:
            raise ValueError(f"schedule.visits[{number}].layer={layer}: choose 0 to {num_layers - 2}, or head")
        if epochs < 1:
            raise ValueError(f"schedule.visits[{number}].epochs={epochs}: choose 1 or more")
        wave_given = entry.get("wave")
        current_wave = int(wave_given) if wave_given is not None else current_wave + (number > 0 and layer <= previous)
        yield Visit(layer, epochs, current_wave)
        previous = layer
    if previous < 0:
        raise ValueError("schedule.visits=[]: name at least one visit, such as {layer: 0, epochs: 1}")


def check_average_last(last: int, epochs: Iterable[int]) -> None:
    """Make sure that every layer trains for as many epochs as its weights are averaged over.

    Args:
        last: How many that are.
        epochs: How many each layer has of its own, in the whole run.

    Raises:
        ValueError: If one has fewer.
    """
    fewest = min(epochs, default=last)
    if last > fewest:
        raise ValueError(f"optimizer.average_last={last}: a layer trains for fewer epochs; choose 0 to {fewest}")


def timetable(visits: Iterable[Visit]) -> list[Moment]:
    """Spread the visits out into one `Moment` per epoch of the run.

    Example:
        >>> [(moment.visit.layer, moment.epoch) for moment in timetable(wave(num_layers=2, epochs=4, waves=2))]
        [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0), (0, 1), (1, 0), (1, 1)]
    """
    return [Moment(visit, epoch) for visit in visits for epoch in range(visit.begin, visit.end)]


def own_epochs(moments: Iterable[Moment], num_layers: int, rest: Collection[int] = ()) -> dict[int, list[int]]:
    """Give the epochs of the run in which each layer moves, by itself or with others.

    Example:
        >>> own_epochs(timetable(simultaneous(num_layers=3, epochs=4, settle=0.5)), num_layers=3)
        {0: [0, 1], 1: [0, 1, 2, 3], 2: [0, 1, 2, 3]}
    """
    own: dict[int, list[int]] = {}
    for epoch, moment in enumerate(moments):
        for layer in awake(moment.visit.layer, num_layers, rest):
            own.setdefault(layer, []).append(epoch)
    return own
