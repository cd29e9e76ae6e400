"""A schedule as a picture: which layer trains when. No torch in here: a command can draw without it."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from lwtrain.duties import Duty, check_visits, duty
from lwtrain.pictures.colours import BLUE, MIDDLE_GREY, RED
from lwtrain.schedules import Visit

_STYLES: dict[Duty, dict[str, Any]] = {
    Duty.TRAINS: {"facecolor": BLUE},
    Duty.TRAINS_END_TO_END: {"facecolor": RED},
    Duty.SERVES: {"facecolor": BLUE, "alpha": 0.28},
}
_THICK = 0.8  # of a row
_LETTER = 0.075  # inches
_CLOSEST = 0.3  # inches between the numbers of two waves


class Bar(NamedTuple):
    """A stretch of epochs in which a layer, or a block of them, does one thing.

    Attributes:
        duty: What it does.
        layers: The lowest of them, and the one behind the highest.
        epochs: The first of them, counted from 0, and the one behind the last.
    """

    duty: Duty
    layers: tuple[int, int]
    epochs: tuple[int, int]


def bars(visits: Iterable[Visit], num_layers: int) -> list[Bar]:
    """Give the bars of a timeline; where a layer waits, there is none.

    End to end is one block over all layers, since gradients cross them all.

    Example:
        >>> [(bar.duty.name, bar.layers, bar.epochs) for bar in bars([Visit(0, 2), Visit(1, 1)], num_layers=2)]
        [('TRAINS', (0, 1), (0, 2)), ('SERVES', (0, 1), (2, 3)), ('TRAINS', (1, 2), (2, 3))]
    """
    found, start = [], 0
    for visit in visits:
        epochs = start, start + visit.epochs
        duties = [duty(layer, visit) for layer in range(num_layers)]
        if Duty.TRAINS_END_TO_END in duties:
            found.append(Bar(Duty.TRAINS_END_TO_END, (0, num_layers), epochs))
        else:
            found += [Bar(each, (layer, layer + 1), epochs) for layer, each in enumerate(duties) if each in _STYLES]
        start = epochs[1]
    return found


def draw_timeline(visits: Iterable[Visit], names: Sequence[str], *, width: float = 7.0) -> Figure:
    """Draw a schedule as a timeline: epochs from left to right, layers from the image up to the head.

    The background is transparent and all lettering of a middle grey, so that light and dark pages can show the picture,
    as SVG too.

    Args:
        visits: In order; see `lwtrain.schedules`.
        names: Of all layers, the one nearest the image first and the head last.
        width: Of the picture, in inches.

    Raises:
        ValueError: If there is no visit, or one goes to a layer without a name.

    Example:
        >>> from lwtrain.schedules import wave
        >>> figure = draw_timeline(wave(num_layers=3, epochs=2, waves=2), ["layer_0", "layer_1", "head"])
        >>> len(figure.axes[0].patches)
        12
    """
    visits = check_visits(visits, names)
    figure = Figure((width, 1.1 + 0.26 * len(names)), dpi=110, facecolor="none", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for bar in bars(visits, len(names)):
        axes.add_patch(_rectangle(bar))
    axes.set(xlim=(0, sum(visit.epochs for visit in visits)), ylim=(0, len(names)), xlabel="epochs of the run")
    axes.set_yticks([layer + 0.5 for layer in range(len(names))], names)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True, min_n_ticks=1))
    _part_waves(axes, visits, room=width - 0.4 - _LETTER * max(map(len, names)))
    _colour_grey(axes)
    seen = {bar.duty for bar in bars(visits, len(names))}
    handles = [Patch(label=each.value, **style) for each, style in _STYLES.items() if each in seen]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False, labelcolor=MIDDLE_GREY
    )
    return figure


def _rectangle(bar: Bar) -> Rectangle:
    (start, end), (lowest, above) = bar.epochs, bar.layers
    gap = (1 - _THICK) / 2
    return Rectangle((start, lowest + gap), end - start, above - lowest - 2 * gap, linewidth=0, **_STYLES[bar.duty])


def _part_waves(axes: Axes, visits: Sequence[Visit], room: float) -> None:
    """Draw a thin line between waves, and number them above, if there is more than one.

    Where not all numbers have room, lines would be as close together as the bars: then there are none.
    """
    starts = [0, *accumulate(visit.epochs for visit in visits)]
    firsts = {visit.wave: start for visit, start in zip(reversed(visits), starts[-2::-1], strict=True)}
    if len(firsts) < 2:
        return
    edges = sorted(firsts.values())
    step = max(1, -int(-_CLOSEST * len(edges) // room))
    for edge in edges[1:] if step == 1 else ():
        axes.axvline(edge, color=MIDDLE_GREY, linewidth=0.7, linestyle=(0, (3, 2)))
    middles = [(edge + end) / 2 for edge, end in zip(edges, [*edges[1:], starts[-1]], strict=True)]
    above = axes.secondary_xaxis("top")
    above.set_xticks(middles[::step], [f"{wave + 1}" for wave in sorted(firsts)[::step]])
    above.set_xlabel("wave", fontsize=8, color=MIDDLE_GREY)
    above.tick_params(labelsize=8, length=0, labelcolor=MIDDLE_GREY)
    above.spines["top"].set_visible(False)


def _colour_grey(axes: Axes) -> None:
    axes.patch.set_visible(False)
    axes.tick_params(labelsize=8, color=MIDDLE_GREY, labelcolor=MIDDLE_GREY)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.label.set(fontsize=8, color=MIDDLE_GREY)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(MIDDLE_GREY)
