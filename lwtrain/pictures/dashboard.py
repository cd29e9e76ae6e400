"""The pictures that TensorBoard shows of a run under way, by tag."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib import style
from numpy.typing import NDArray

from lwtrain.data.view import View
from lwtrain.information.plane import pixels_of
from lwtrain.judgement import Judgement
from lwtrain.layer import HorizontalLayer
from lwtrain.pictures.confusion import draw_confusion
from lwtrain.pictures.depth import draw_accuracy_by_depth
from lwtrain.pictures.kernels import draw_kernels, image_kernels
from lwtrain.pictures.mistakes import draw_mistakes, surest_mistakes
from lwtrain.stack import LayerStack

Pixels = NDArray[np.uint8]


def draw_depth(history: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> Pixels:
    """Draw each layer's accuracy, a line for each wave; see `lwtrain.pictures.depth`."""
    with style.context("default"):  # whatever the user has set for other programs
        return pixels_of(draw_accuracy_by_depth(history, names))


def draw_judgement(judgement: Judgement, images: View | None, classes: Sequence[str], place: str) -> dict[str, Pixels]:
    """Draw which classes the vote takes for which, and the mistakes that it is surest about.

    Args:
        judgement: What the vote says.
        images: That it was asked about; None: they cannot be had.
        classes: Their names.
        place: Where the run is.
    """
    with style.context("default"):
        title = f"Vote, {place}"
        pictures = {"accuracy/confusion": pixels_of(draw_confusion(judgement.counts, classes, title))}
        places = surest_mistakes(judgement.shares, judgement.labels).cpu()
        if images is not None and len(places):
            shown = images[places].cpu()
            if shown.ndim == 4 and shown.shape[1] in (1, 3):
                title = f"The surest mistakes of the vote, {place}"
                sheet = draw_mistakes(shown, judgement.shares[places], judgement.labels[places], classes, title)
                pictures["accuracy/mistakes"] = pixels_of(sheet.figure())
    return pictures


def draw_first_filters(stack: LayerStack) -> dict[str, Pixels]:
    """Draw the kernels that read the image, if there are any."""
    part = stack.part(0)
    kernels = image_kernels(part.layer) if isinstance(part, HorizontalLayer) else None
    if kernels is None:
        return {}
    pixels = (255 * draw_kernels(kernels)).round().to(torch.uint8)
    return {f"{stack.names[0]}/filters": pixels.permute(1, 2, 0).numpy()}
