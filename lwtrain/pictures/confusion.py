"""Which class is taken for which: a confusion matrix as a picture."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from lwtrain.pictures.drawing import new_figure, shortened

_WRITTEN = 12  # most classes whose numbers are written into the cells
_NAMED = 40  # most classes whose names stand beside the cells
_NAMES, _MARGIN = 1.15, 0.3  # inches: for the names of classes and of the axis; around


def draw_confusion(counts: Tensor, classes: Sequence[str], title: str) -> Figure:
    """Draw true classes downwards and what they are taken for across, each row's share as its colour.

    Args:
        counts: (classes, classes), the true class first.
        classes: Their names.
        title: What stands above; how many are right is added.

    Example:
        >>> import torch
        >>> figure = draw_confusion(torch.tensor([[8, 2], [1, 9]]), ["cat", "dog"], "the vote")
        >>> figure.axes[0].get_title(loc="right")
        'the vote: 85.0 % of 20 images right'
    """
    number = len(counts)
    shares = counts / counts.sum(dim=1, keepdim=True).clamp_min(1)
    strongest = max(float(shares.max()), 1e-6)
    cells = 3.6 if number <= _WRITTEN else 4.8
    side = _NAMES + cells + _MARGIN
    figure = new_figure(side, side)
    axes = figure.add_axes((_NAMES / side, _NAMES / side, cells / side, cells / side))  # found at a glance: cheap
    axes.imshow(shares.cpu().numpy(), cmap="Blues", vmin=0, vmax=strongest)
    if number <= _WRITTEN:
        for row in range(number):
            for column in range(number):
                if count := int(counts[row, column]):
                    colour = "white" if shares[row, column] > strongest / 2 else "black"
                    axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=8)
    if number <= _NAMED:
        names, size = [shortened(name, 12) for name in classes], 8 if number <= _WRITTEN else 5
        axes.set_xticks(range(number), names, rotation=90, fontsize=size)
        axes.set_yticks(range(number), names, fontsize=size)
    right = float(counts.diagonal().sum() / counts.sum().clamp_min(1))
    axes.set_title(f"{title}: {100 * right:.1f} % of {int(counts.sum()):,} images right", fontsize=10, loc="right")
    axes.set(xlabel="taken for", ylabel="true class")
    return figure
