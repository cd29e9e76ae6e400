"""Which class is taken for which: a confusion matrix as a picture."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from lwtrain.pictures.drawing import new_figure, shortened

_WRITTEN = 12  # most classes whose numbers are written into the cells
_NAMED = 40  # most classes whose names stand beside the cells


def draw_confusion(counts: Tensor, classes: Sequence[str], title: str) -> Figure:
    """Draw true classes downwards and what they are taken for across, each row's share as its colour.

    Args:
        counts: (classes, classes), the true class first.
        classes: Their names.
        title: What stands above; how many are right is added.

    Example:
        >>> import torch
        >>> figure = draw_confusion(torch.tensor([[8, 2], [1, 9]]), ["cat", "dog"], "the vote")
        >>> figure.axes[0].get_title()
        'the vote: 85.0 % of 20 images right'
    """
    number = len(counts)
    shares = counts / counts.sum(dim=1, keepdim=True).clamp_min(1)
    side = 4.6 if number <= _WRITTEN else 5.6
    figure = new_figure(side + 0.4, side)
    axes = figure.add_subplot()
    axes.imshow(shares.cpu().numpy(), cmap="Blues", vmin=0, vmax=1)
    if number <= _WRITTEN:
        for row in range(number):
            for column in range(number):
                if count := int(counts[row, column]):
                    colour = "white" if shares[row, column] > 0.5 else "black"
                    axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=8)
    if number <= _NAMED:
        names, size = [shortened(name, 12) for name in classes], 8 if number <= _WRITTEN else 5
        axes.set_xticks(range(number), names, rotation=90, fontsize=size)
        axes.set_yticks(range(number), names, fontsize=size)
    right = float(counts.diagonal().sum() / counts.sum().clamp_min(1))
    axes.set_title(f"{title}: {right:.1%} of {int(counts.sum()):,} images right".replace("%", " %"), fontsize=10)
    axes.set(xlabel="taken for", ylabel="true class")
    figure.set_layout_engine("tight")
    return figure
