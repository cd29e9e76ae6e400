"""The information plane as a picture."""

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # it takes a while to load, and only some runs draw
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BITS = ("edge", "binning")


def draw_plane(
    coordinates: NDArray[np.float32], epochs: Sequence[int], estimators: Sequence[str], layers: Sequence[str]
) -> "Figure":
    """Draw a panel per estimator and in it a line per layer, from the first epoch's point to the last's.

    Each layer has a colour, from blue for the first to red for the head, and its number at the line's end; points grow
    from pale to full as the epochs go by.

    Args:
        coordinates: (epochs, estimators, layers, 2): with the image, and with the label.
        epochs: Which epochs these are.
        estimators: The panels' names.
        layers: The lines' names.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6 * len(estimators) + 1.6, 4.4), layout="constrained", facecolor="white")
    panels = figure.subplots(1, len(estimators), squeeze=False)[0]
    colours = colormaps["turbo"](np.linspace(0.07, 0.93, len(layers)))[:, :3]
    for number, (panel, name) in enumerate(zip(panels, estimators, strict=True)):
        _draw_panel(panel, coordinates[:, number], colours, [_short(layer) for layer in layers])
        unit = " (bits)" if name in _BITS else ""
        panel.set(title=name, xlabel=f"with the image{unit}", ylabel=f"with the label{unit}")
    for colour, name in zip(colours, layers, strict=True):
        panels[-1].plot([], [], color=colour, marker="o", markersize=5, label=name)
    span = f"epochs {epochs[0]} to {epochs[-1]},\npale to full" if len(epochs) > 1 else f"epoch {epochs[0]}"
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small", title=span)
    return figure


def _draw_panel(
    panel: "Axes", coordinates: NDArray[np.float32], colours: NDArray[np.float64], names: Sequence[str]
) -> None:
    from matplotlib.patheffects import withStroke

    strengths = np.linspace(0.25, 1.0, len(coordinates)) if len(coordinates) > 1 else np.ones(1)
    for number, (colour, name) in enumerate(zip(colours, names, strict=True)):
        x, y = coordinates[:, number, 0], coordinates[:, number, 1]
        panel.plot(x, y, color=_mixed_with_white(colour, 0.45), linewidth=0.9, zorder=1)
        shades = np.stack([_mixed_with_white(colour, strength) for strength in strengths])
        panel.scatter(x, y, c=shades, s=22, zorder=2, linewidths=0)
        halo = [withStroke(linewidth=2, foreground="white")]
        panel.annotate(
            name,
            (x[-1], y[-1]),
            xytext=(5, 3),
            textcoords="offset points",
            color=0.65 * colour,
            fontsize=8,
            path_effects=halo,
        )
    panel.grid(color="0.92")
    panel.set_axisbelow(True)
    panel.margins(0.08)
    panel.spines[["top", "right"]].set_visible(False)


def _short(layer: str) -> str:
    """Shorten a layer's name to what fits beside a point.

    Example:
        >>> _short("layer_12"), _short("head")
        ('12', 'head')
    """
    return layer.removeprefix("layer_")


def _mixed_with_white(colour: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    return 1 - strength * (1 - colour)


def pixels_of(figure: "Figure") -> NDArray[np.uint8]:
    """Draw a figure and give its pixels, (height, width, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(110)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def write_picture(pixels: NDArray[np.uint8], file: IO[bytes]) -> None:
    """Write pixels as PNG."""
    from PIL import Image

    Image.fromarray(pixels).save(file, format="PNG")
