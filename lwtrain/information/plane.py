"""The information plane as a picture."""

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # it takes a while to load, and only some runs draw
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^v<>pPX*hd8"
_BITS = ("edge", "binning")


def draw_plane(
    coordinates: NDArray[np.float32], epochs: Sequence[int], estimators: Sequence[str], layers: Sequence[str]
) -> "Figure":
    """Draw a panel per estimator and in it a line per layer, from the first epoch's point to the last's.

    Args:
        coordinates: (epochs, estimators, layers, 2): with the image, and with the label.
        epochs: Which epochs these are; they colour the points.
        estimators: The panels' names.
        layers: The lines' names.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(4.6 * len(estimators) + 1.2, 4.2), layout="constrained", facecolor="white")
    colours = ScalarMappable(Normalize(epochs[0], max(epochs[-1], epochs[0] + 1)), cmap="viridis")
    panels = figure.subplots(1, len(estimators), squeeze=False)[0]
    for number, (panel, name) in enumerate(zip(panels, estimators, strict=True)):
        _draw_panel(panel, coordinates[:, number], colours.to_rgba(np.asarray(epochs)), layers)
        unit = " (bits)" if name in _BITS else ""
        panel.set(title=name, xlabel=f"with the image{unit}", ylabel=f"with the label{unit}")
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small")
    whole = MaxNLocator(integer=True, nbins=6)
    figure.colorbar(colours, ax=panels[-1], label="epoch", fraction=0.05, location="right", ticks=whole)
    return figure


def _draw_panel(
    panel: "Axes", coordinates: NDArray[np.float32], colours: NDArray[np.float64], layers: Sequence[str]
) -> None:
    for number, name in enumerate(layers):
        x, y = coordinates[:, number, 0], coordinates[:, number, 1]
        panel.plot(x, y, color="0.75", linewidth=0.8, zorder=1)
        marker = _MARKERS[number % len(_MARKERS)]
        panel.scatter(x, y, c=colours, marker=marker, s=28, zorder=2, linewidths=0)
        panel.plot([], [], linestyle="", marker=marker, color="0.4", markersize=5, label=name)  # for the legend
    panel.grid(color="0.92")
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def write_picture(figure: "Figure", file: IO[bytes]) -> None:
    """Write a figure as PNG."""
    figure.savefig(file, format="png", dpi=110)


def pixels_of(figure: "Figure") -> NDArray[np.uint8]:
    """Give a figure's pixels, (height, width, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
