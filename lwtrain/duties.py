"""What each layer does while a visit lasts. Plain Python: no torch in here."""

from collections.abc import Iterable, Sequence
from enum import Enum

from lwtrain.schedules import Together, Upper, Visit


class Duty(Enum):
    """What a layer does in a visit."""

    TRAINS = "trains"  # from a loss of its own
    TRAINS_END_TO_END = "trains end to end"  # from the loss at the top
    SERVES = "rests, serves the front"  # what the active layer reads has come through it
    WAITS = "waits"


def duty(layer: int, visit: Visit) -> Duty:
    """Tell what a layer does while a visit lasts.

    Args:
        layer: Its number; 0 is nearest the image.
        visit: Of a schedule in which every layer takes part.

    Example:
        >>> [duty(layer, Visit(layer=1, epochs=5)).value for layer in range(3)]
        ['rests, serves the front', 'trains', 'waits']
    """
    if visit.layer is Together.BACKPROP:
        return Duty.TRAINS_END_TO_END
    if visit.layer is Together.SIMULTANEOUS:
        return Duty.TRAINS
    if isinstance(visit.layer, Upper):
        return Duty.TRAINS if layer >= visit.layer.lowest else Duty.SERVES
    if layer == visit.layer:
        return Duty.TRAINS
    return Duty.SERVES if layer < visit.layer else Duty.WAITS


def check_visits(visits: Iterable[Visit], names: Sequence[str]) -> list[Visit]:
    """Make sure that there are visits, and that each is to a layer that has a name; give them as a list.

    Raises:
        ValueError: If not.
    """
    visits = list(visits)
    if not visits:
        raise ValueError("visits=[]: name at least one visit")
    highest = max((visit.layer for visit in visits if isinstance(visit.layer, int)), default=0)
    if highest >= len(names):
        raise ValueError(f"names={list(names)}: a visit goes to layer {highest}; name {highest + 1} layers or more")
    return visits
