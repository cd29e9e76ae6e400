"""Errors and losses in training and validation, epoch by epoch, for each layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from lwtrain.metrics_csv import read_metrics_csv
from lwtrain.pictures.colours import BLUE, RED
from lwtrain.pictures.drawing import new_figure, save_figure
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.pictures.subjects import chosen_layers
from lwtrain.trained_run import TrainedRun


class Curve(NamedTuple):
    """Points of a curve.

    Attributes:
        epochs: The layer's own, counted from 1.
        values: At their ends.
    """

    epochs: list[int]
    values: list[float]


class Curves(NamedTuple):
    """What is known of one layer."""

    train: Curve
    validation: Curve


def draw_curves(run: TrainedRun, options: PictureOptions) -> list[Path]:
    """Draw each layer's error, cross entropy and, where it has one, reconstruction loss over its own epochs.

    Raises:
        NotForThisRunError: If the run has no metrics.csv, or no epoch of the chosen layers.
    """
    table = read_metrics(run.folder)
    names = [run.stack.names[number] for number in chosen_layers(run.stack, options.layers)]
    measures = {"error (%)": ("accuracy", _as_error), "cross entropy": ("prediction", float)}
    if any(curves_of(table, name, "reconstruction").train.epochs for name in names):
        measures["reconstruction"] = ("reconstruction", float)
    known = [name for name in run.stack.names if curves_of(table, name, "accuracy").train.epochs]
    drawn = [name for name in names if name in known]
    if not known:
        raise NotForThisRunError("curves: none of the layers has trained for a whole epoch")
    if not drawn:
        raise NotForThisRunError(f"curves: {', '.join(names)}: no epoch of their own; choose {', '.join(known)}")
    figure = new_figure(max(4.0, 1.55 * len(drawn) + 0.6), 0.9 + 1.65 * len(measures))
    figure.set_layout_engine("constrained")
    figure.suptitle("Errors and losses, epoch by epoch", fontsize=11, weight="bold", x=0.01, ha="left")
    grid = figure.subplots(len(measures), len(drawn), sharex="col", sharey="row", squeeze=False)
    for row, (label, (measure, convert)) in zip(grid, measures.items(), strict=True):
        row[0].set_ylabel(label, fontsize=8)
        for axes, name in zip(row, drawn, strict=True):
            _draw(axes, curves_of(table, name, measure), convert)
    if "reconstruction" in measures:
        grid[-1][0].set_yscale("log")  # what layers rebuild differs by factors of 1,000; all in the row share the scale
    for name, column in zip(drawn, grid.T, strict=True):
        column[0].set_title(name, fontsize=8)
        lowest = [axes for axes in column if axes.axison][-1]  # the head rebuilds nothing, and ends a row higher
        lowest.tick_params(axis="x", labelbottom=True)
        lowest.set_xlabel("epoch", fontsize=8)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return [save_figure(figure, options.folder / "curves.png")]


def read_metrics(folder: Path) -> list[dict[str, str]]:
    """Read a run's metrics.csv: a row per step, in order.

    Raises:
        NotForThisRunError: If there is none.
        DataError: If it is damaged.
    """
    path = folder / "metrics.csv"
    if not path.is_file():
        raise NotForThisRunError(f"curves: there is no {path}; the run was made with logger.csv=false")
    return sorted(read_metrics_csv(path), key=lambda row: int(row["step"]))


def curves_of(table: Sequence[dict[str, str]], layer: str, measure: str) -> Curves:
    """Find what one layer did, in training and validation.

    Args:
        table: The rows of metrics.csv.
        layer: Its name.
        measure: "accuracy"; "prediction", the cross entropy; or "reconstruction", whose validation is known where the
            whole network learns as one autoencoder.

    Returns:
        With an epoch for each time that the layer's training was summed up; a validation belongs to the epoch before.
    """
    train, validation = Curve([], []), Curve([], [])
    rebuilt = measure == "reconstruction"
    train_tag = f"{layer}/train/{measure}{'_labelled' if rebuilt else ''}"
    validation_tag = "val/reconstruction" if rebuilt and layer == "head" else f"{layer}/val/{measure}"
    for row in table:
        if value := row.get(train_tag):
            train.epochs.append(len(train.epochs) + 1)
            train.values.append(float(value))
        if (value := row.get(validation_tag)) and train.epochs:
            if validation.epochs and validation.epochs[-1] == train.epochs[-1]:  # heard again
                del validation.epochs[-1], validation.values[-1]
            validation.epochs.append(train.epochs[-1])
            validation.values.append(float(value))
    return Curves(train, validation)


def _as_error(accuracy: float) -> float:
    return 100 * (1 - accuracy)


def _draw(axes: Axes, curves: Curves, convert: object) -> None:
    assert callable(convert)
    if not curves.train.epochs:
        axes.set_axis_off()
        return
    few = max(curves.train.epochs) <= 12
    for label, (epochs, values), colour in (("training", curves.train, BLUE), ("validation", curves.validation, RED)):
        points = [convert(value) for value in values]
        axes.plot(epochs, points, label=label, color=colour, linewidth=1.3, marker="o" if few else "", markersize=3)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    if few:
        axes.set_xlim(0.5, max(curves.train.epochs) + 0.5)
    axes.tick_params(which="both", labelsize=7)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
