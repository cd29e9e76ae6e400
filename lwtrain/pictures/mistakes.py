"""The images that a vote is surest about, and wrong."""

from collections.abc import Sequence

from torch import Tensor

from lwtrain.data.view import as_inputs
from lwtrain.pictures.colours import RED
from lwtrain.pictures.drawing import Sheet, shortened

PER_ROW = 8


def surest_mistakes(probabilities: Tensor, labels: Tensor, number: int = 2 * PER_ROW) -> Tensor:
    """Give the places of the images that are taken for a wrong class, the surest first.

    Args:
        probabilities: (images, classes)
        labels: (images,) true classes.
        number: How many at most.

    Example:
        >>> import torch
        >>> surest_mistakes(torch.tensor([[0.4, 0.6], [0.1, 0.9], [0.2, 0.8]]), torch.tensor([0, 0, 1]))
        tensor([1, 0])
    """
    sure, taken_for = probabilities.max(dim=1)
    wrong = (taken_for != labels).nonzero().flatten()
    return wrong[sure[wrong].argsort(descending=True, stable=True)][:number]


def draw_mistakes(images: Tensor, probabilities: Tensor, labels: Tensor, classes: Sequence[str], title: str) -> Sheet:
    """Lay images out; below each its class, and what it is taken for, and how surely.

    Args:
        images: (images, channels, height, width), uint8, or floats in [0, 1].
        probabilities: (images, classes)
        labels: (images,) true classes.
        classes: Their names.
        title: What stands above.
    """
    sure, taken_for = probabilities.max(dim=1)
    captions = [
        f"{shortened(classes[label], 13)}\n→ {shortened(classes[other], 11)} {share:.0%}"
        for label, other, share in zip(labels.tolist(), taken_for.tolist(), sure.tolist(), strict=True)
    ]
    sheet = Sheet(PER_ROW, cell=0.95)
    sheet.title(title)
    sheet.note("Below each: its class, and what it is taken for, how surely.")
    sheet.pictures(as_inputs(images), captions, colours=[RED] * len(captions))
    return sheet
