"""How accurate each layer is, from the image up to the head, wave by wave."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lwtrain.pictures.drawing import new_figure

_NAMED = 6  # lines in the legend; of more, the first, the last and some between
_LEFT, _RIGHT = 0.65, 1.5  # inches beside the lines: for the axis, and for the legend


def draw_accuracy_by_depth(
    history: Mapping[str, Mapping[str, float]], names: Sequence[str], stage: str = "validation"
) -> Figure:
    """Draw a line for each wave, from pale to dark; the vote stands beside the layers.

    Args:
        history: By what a line is called, such as "wave 2", the accuracies of the layers and of "vote", by name. Layers
            that have not been heard may be missing.
        names: The layers, the one nearest the image first.
        stage: Whose images were judged.

    Example:
        >>> history = {"wave 1": {"layer_0": 0.5, "head": 0.7, "vote": 0.75}}
        >>> figure = draw_accuracy_by_depth(history, ["layer_0", "head"])
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['0', 'head', 'vote']
    """
    width = max(2.8, 0.4 * len(names) + 0.8)
    figure = new_figure(width + _LEFT + _RIGHT, 3.4)
    axes = figure.add_axes((_LEFT / (width + _LEFT + _RIGHT), 0.15, width / (width + _LEFT + _RIGHT), 0.74))
    places = {name: place for place, name in enumerate([*names, "vote"])}
    shades = colormaps["viridis_r"](np.linspace(0.15, 1.0, len(history)) if len(history) > 1 else [1.0])
    named = {round(place) for place in np.linspace(0, len(history) - 1, min(_NAMED, len(history)))}
    for number, ((line, accuracies), shade) in enumerate(zip(history.items(), shades, strict=True)):
        heard = [name for name in names if name in accuracies]
        percents = [100 * accuracies[name] for name in heard]
        label = line if number in named else None
        axes.plot([places[name] for name in heard], percents, color=shade, marker="o", markersize=4, label=label)
        if "vote" in accuracies:
            axes.plot(places["vote"], 100 * accuracies["vote"], color=shade, marker="D", markersize=6, linestyle="none")
    axes.axvline(len(names) - 0.5, color="0.8", linewidth=0.8)
    axes.set_xticks(list(places.values()), [name.removeprefix("layer_") for name in places])
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.set(title="Accuracy by depth", xlabel="layer", ylabel=f"{stage} accuracy, %", xlim=(-0.5, len(names) + 0.5))
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure
