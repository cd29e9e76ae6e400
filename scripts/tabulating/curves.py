"""Learning curves of a study: how the vote on the validation images rises with the seconds of training."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from math import ceil
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator, NullFormatter

from lwtrain.comparison import Line, mean_line
from lwtrain.errors import DataError
from tabulating.studies import StudyResults, StudyRow

# Colours by Okabe and Ito, told apart by every kind of eyesight; more lines than that in one panel nobody could follow.
_COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_WIDE = 5.0  # times as long as the shortest run takes the longest: from there on, seconds are drawn by their logarithm
_SHOWN_BELOW = 20.0  # points below the worst end that are drawn at least


def curve_of(row: StudyRow) -> Line | None:
    """Put the curves of all seeds together, epoch by epoch; None where there is none.

    Drawn is the vote; of runs without one, the head.
    """
    return mean_line([record["curve"] for record in row.result.records])


def picture_of(results: StudyResults, folder: Path) -> Path | None:
    """Name the file of a study's curves; None if it has no curves."""
    return folder / f"{results.study.name}.svg" if any(map(curve_of, results.rows)) else None


def check_curves(results: StudyResults, folder: Path) -> None:
    """Make sure that a study's curves are those of its results.

    Raises:
        DataError: If they are not.
    """
    path = picture_of(results, folder)
    if path is not None and not (path.is_file() and _fingerprint(results) in path.read_text()):
        raise DataError(f"{path}: not drawn of what results/ says; run python scripts/results.py")


def draw_curves(results: StudyResults, folder: Path) -> Path | None:
    """Draw a study's curves: a panel for each budget, and a line of panels for a run and those compared with it.

    Where these are many, they are dealt out to several lines, each of which shows that run.

    Returns:
        The file, an SVG; None if no run has a curve.
    """
    path = picture_of(results, folder)
    if path is None:
        return None
    drawn = [row for row in results.rows if curve_of(row)]
    lines = list(_lines_of_panels(drawn))
    budgets = {row.minutes for row in drawn}
    # Without a date and with names that do not change, a file differs only where a figure does.
    with mpl.rc_context({"font.size": 10, "svg.hashsalt": path.stem}):
        figure = Figure((4.2 * len(budgets) + 2.4, 4.6 * len(lines)), facecolor="white", layout="constrained")
        for rows, part in zip(lines, figure.subfigures(len(lines), squeeze=False)[:, 0], strict=True):
            _draw_line_of_panels(part, rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None, "Creator": None, "Identifier": _fingerprint(results)})
    return path


def _lines_of_panels(rows: Sequence[StudyRow]) -> Iterator[list[StudyRow]]:
    for first in dict.fromkeys(row.run.against for row in rows):
        others = list(dict.fromkeys(row.run.name for row in rows if row.run.against == first != row.run.name))
        num_lines = max(1, ceil(len(others) / (len(_COLOURS) - 1)))
        for line, some in enumerate(np.array_split(others, num_lines)):
            shown = {row.minutes for row in rows if row.run.name in some or line == 0}  # no panel for it alone
            yield [row for row in rows if row.run.name in {first, *some} and row.minutes in shown]


def _draw_line_of_panels(part: SubFigure, rows: Sequence[StudyRow]) -> None:
    names = list(dict.fromkeys(row.run.name for row in rows))
    budgets = list(dict.fromkeys(row.minutes for row in rows))
    colours = dict(zip(names, _COLOURS, strict=False))
    panels = part.subplots(1, len(budgets), squeeze=False, sharey=True)[0]
    for axes, budget in zip(panels, budgets, strict=True):
        ends = [_draw_line(axes, row, colours[row.run.name]) for row in rows if row.minutes == budget]
        _dress(axes, budget, ends)
    panels[0].set_ylim(bottom=_bottom([curve.mean[-1] for row in rows if (curve := curve_of(row))]))
    panels[0].set_ylabel("vote on validation images (%)")
    lines = {line.get_label(): line for axes in panels for line in axes.get_lines()}
    part.legend([lines[name] for name in names], names, loc="outside right center", frameon=False, handlelength=3)


def _draw_line(axes: Axes, row: StudyRow, colour: str) -> float:
    """Draw a run, and say when it ends."""
    curve = curve_of(row)
    assert curve is not None
    axes.plot(curve.seconds, curve.mean, color=colour, label=row.run.name, marker="o", markersize=4, markevery=[-1])
    if len(row.result.records) > 1:
        axes.fill_between(curve.seconds, curve.lowest, curve.highest, color=colour, alpha=0.15, linewidth=0)
    return curve.seconds[-1]


def _dress(axes: Axes, budget: float | None, ends: Sequence[float]) -> None:
    if max(ends) > _WIDE * min(ends) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds of training")
    if budget is not None:
        axes.set_title(f"{budget:g} minutes each", fontsize=10)
    axes.grid(color="#DDDDDD")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _bottom(ends: Sequence[float]) -> float:
    """Choose where the axis begins: how runs rise from guessing shows less than how they end, so that is cut off.

    Example:
        >>> _bottom([80.0, 84.0]), _bottom([30.0, 90.0])
        (60.0, 0.0)
    """
    return max(0.0, min(ends) - max(_SHOWN_BELOW, 1.5 * (max(ends) - min(ends))))


def _fingerprint(results: StudyResults) -> str:
    """Give what changes with the curves, and only with them: it tells whether the picture is out of date."""
    drawn = [[row.label, row.run.against, curve_of(row)] for row in results.rows]
    return hashlib.sha256(json.dumps(drawn).encode()).hexdigest()
