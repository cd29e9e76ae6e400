"""Runs side by side in one picture: how accuracy rose with time, and how it lies over depth at the end."""

from collections.abc import Sequence
from itertools import cycle, product
from statistics import mean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lwtrain.comparison import Contender
from lwtrain.pictures.colours import BLACK, BLUE, GREEN, ORANGE, RED

COLOURS = (BLACK, BLUE, RED, GREEN, "#CC79A7", ORANGE, "#56B4E9")  # Okabe and Ito's
DASHES: tuple[Any, ...] = ("solid", (0, (5, 2)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))  # where runs are more
_GAP = 1.2  # between head and vote, which is no layer


def draw_comparison(runs: Sequence[Contender], table: Sequence[Sequence[str]] = ()) -> Figure:
    """Draw the vote's validation accuracy over seconds of training, and each layer's at the end over its depth.

    Of several runs that were put together, lines are means, and bands and bars reach from the least to the greatest.

    Args:
        runs: Each is a line.
        table: To be written below: a row of headings, and one for each of the runs, beside whose name it stands.
    """
    figure = Figure((11, 4.2 + 0.22 * len(runs) + 0.25 * len(table)), facecolor="white", layout="constrained")
    places = figure.add_gridspec(2, 2, height_ratios=[4.2, 0.25 * len(table) or 1e-3])
    over_time, over_depth = figure.add_subplot(places[0, 0]), figure.add_subplot(places[0, 1])
    if table:
        _write(figure.add_subplot(places[1, :]), [run.label for run in runs], table)
    depth = max((len(run.layers) for run in runs), default=0)
    handles = []
    for number, (run, (dash, colour)) in enumerate(zip(runs, cycle(product(DASHES, COLOURS)), strict=False)):
        line = {"color": colour, "linestyle": dash, "linewidth": 1.5}
        handles += over_time.plot([], [], **line)
        _draw_time(over_time, run, line)
        _draw_depth(over_depth, run, line, depth, shift=0.08 * (number % 5))
    over_time.set_xlabel("seconds of training")
    over_time.set_ylabel("vote on validation images (%)")
    over_depth.set_xticks([*range(depth + 1), depth + _GAP], [*map(str, range(depth)), "head", "vote"])
    over_depth.set_xlabel("layer")
    over_depth.set_ylabel("accuracy on validation images (%)")
    for axes in (over_time, over_depth):
        axes.grid(color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        handles, [run.label for run in runs], loc="outside lower left", frameon=False, fontsize=9, handlelength=3
    )
    return figure


def _draw_time(axes: Axes, run: Contender, line: dict[str, Any]) -> None:
    if run.line is None:
        return
    axes.plot(run.line.seconds, run.line.mean, marker="o", markersize=4, markevery=[-1], **line)
    if len(run.runs) > 1:
        band = {"color": line["color"], "alpha": 0.15, "linewidth": 0}
        axes.fill_between(run.line.seconds, run.line.lowest, run.line.highest, **band)


def _draw_depth(axes: Axes, run: Contender, line: dict[str, Any], depth: int, shift: float) -> None:
    """Draw layers at their numbers, the head behind the deepest layer of all runs, and the vote apart from them."""
    layers = [*enumerate(run.layers), *([(depth, run.head)] if run.head else [])]
    axes.plot([place for place, _ in layers], [mean(values) for _, values in layers], marker="o", markersize=4, **line)
    voted = [(depth + _GAP + shift, run.vote)] if run.vote else []
    for place, values in voted:
        axes.plot([place], [mean(values)], marker="D", color=line["color"], markersize=5)
    for place, values in [*layers, *voted]:
        if len(values) > 1:
            reach = [[mean(values) - min(values)], [max(values) - mean(values)]]
            axes.errorbar([place], [mean(values)], yerr=reach, color=line["color"], capsize=2, linewidth=1)


def _write(axes: Axes, labels: Sequence[str], table: Sequence[Sequence[str]]) -> None:
    axes.set_axis_off()
    header, *rows = table
    widths = [0.4, *([0.6 / len(header)] * len(header))]
    cells = [[label, *row] for label, row in zip(labels, rows, strict=True)]
    written = axes.table(
        cells, colLabels=["", *header], colWidths=widths, cellLoc="right", loc="center", edges="horizontal"
    )
    written.auto_set_font_size(False)
    written.set_fontsize(8)
    for row in range(len(cells) + 1):
        written[row, 0].set_text_props(ha="left")
