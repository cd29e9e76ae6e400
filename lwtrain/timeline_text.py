"""A schedule as a timeline of characters, for the terminal. Plain Python: neither torch nor matplotlib in here."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from lwtrain.duties import Duty, check_visits, duty
from lwtrain.schedules import Moment, Visit, timetable

MARKS = {Duty.TRAINS: "█", Duty.TRAINS_END_TO_END: "▓", Duty.SERVES: "░", Duty.WAITS: "·"}
SOMETIMES = "▒"  # trains in some of the epochs that a column stands for
_WIDEST = 4  # columns of an epoch


def timeline_text(visits: Iterable[Visit], names: Sequence[str], width: int = 80) -> str:
    """Draw a schedule with a row for each layer, the head on top, and the epochs from left to right.

    An epoch takes up to four columns. Where a schedule has more epochs than there are columns, a column stands for
    several, and tells whether a layer trains in all of them, in some, or in none.

    Args:
        visits: In order.
        names: Of all layers, the one nearest the image first and the head last.
        width: Most columns of a line; the legend below may be longer.

    Raises:
        ValueError: If there is no visit, one goes to a layer without a name, or no column is left for the epochs.

    Example:
        >>> from lwtrain.schedules import wave
        >>> print(timeline_text(wave(num_layers=3, epochs=2, waves=2), ["layer_0", "layer_1", "head"], width=20))
        wave    1     2
        head    ····██····██
        layer_1 ··██░░··██░░
        layer_0 ██░░░░██░░░░
        epoch   1          6
        █ trains  ░ rests, serves the front  · waits
    """
    visits = check_visits(visits, names)
    label = max(len(name) for name in (*names, "epoch")) + 1
    if width <= label:
        raise ValueError(f"width={width}: choose {label + 1} or more, for names of {label - 1} letters")
    epochs = timetable(visits)
    columns = _columns(epochs, width - label)
    rows = [(name, _row(layer, columns)) for layer, name in enumerate(names)][::-1]
    waves = [("wave", _wave_numbers(columns))] if epochs[-1].visit.wave > epochs[0].visit.wave else []
    scale = ("epoch", "1" + f"{len(epochs)}".rjust(len(columns) - 1) if len(epochs) > 1 else "1")
    lines = [f"{name:<{label}}{row}" for name, row in (*waves, *rows, scale)]
    return "\n".join([*lines, _legend("".join(row for _, row in rows))])


def _columns(epochs: Sequence[Moment], width: int) -> list[list[Visit]]:
    """Deal the epochs out into columns: one to some, or some to one."""
    each = min(_WIDEST, width // len(epochs))
    if each:
        return [[epoch.visit] for epoch in epochs for _ in range(each)]
    edges = [column * len(epochs) // width for column in range(width + 1)]
    return [[epoch.visit for epoch in epochs[start:end]] for start, end in pairwise(edges)]


def _row(layer: int, columns: Sequence[Sequence[Visit]]) -> str:
    return "".join(_mark({duty(layer, visit) for visit in column}) for column in columns)


def _mark(duties: set[Duty]) -> str:
    if Duty.TRAINS in duties and len(duties) > 1:
        return SOMETIMES
    return next(mark for each, mark in MARKS.items() if each in duties)


def _wave_numbers(columns: Sequence[Sequence[Visit]]) -> str:
    """Write each wave's number where the wave begins, if there is room for it."""
    line, last = "", -1
    for place, column in enumerate(columns):
        wave = max(visit.wave for visit in column)
        number = str(wave + 1)
        if wave != last and (not line or len(line) < place) and place + len(number) <= len(columns):
            line = f"{line:<{place}}{number}"
        last = wave
    return line


def _legend(rows: str) -> str:
    meanings = {mark: each.value for each, mark in MARKS.items()} | {SOMETIMES: "trains in some of these epochs"}
    return "  ".join(f"{mark} {meaning}" for mark, meaning in meanings.items() if mark in rows)
