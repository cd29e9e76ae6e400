"""What an autoencoder's codes stand for: the mean of each class, and what lies between two classes."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lwtrain.autoencoding import decode, encode
from lwtrain.data.load import Split
from lwtrain.network import VotingNetwork
from lwtrain.pictures.drawing import Sheet, new_figure, save_figure, shortened
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.pictures.reconstructions import why_no_way_back
from lwtrain.pictures.subjects import images_to_show
from lwtrain.trained_run import TrainedRun

_CHUNK = 256  # images at a time
_MOST_NUMBERED = 16  # numbers of a code up to which each is written out
_CELL = 0.62  # inches: below it, the names under the pictures of the last row run into one another
_WIDEST = 18.0  # inches that all pictures of a row take together: 27 dots for each of 100, about the pixels it has


class ClassCodes(NamedTuple):
    """The mean code of each class that occurs.

    Attributes:
        labels: Of these classes.
        means: (classes, *code).
    """

    labels: list[int]
    means: Tensor


@torch.no_grad()
def class_codes(network: VotingNetwork, split: Split) -> ClassCodes:
    """Average the codes of each class's images.

    Args:
        network: At rest.
        split: Images and their labels; a class that is not among them has no code.
    """
    labels = split.labels.cpu()
    sums: dict[int, Tensor] = {}
    for rows in torch.arange(len(split)).split(_CHUNK):
        codes = encode(network, split.images[rows]).float()
        for label in labels[rows].unique().tolist():
            total = codes[labels[rows] == label].sum(dim=0)
            sums[label] = sums[label] + total if label in sums else total
    known = sorted(label for label in sums if label >= 0)
    means = [sums[label] / int((labels == label).sum()) for label in known]
    return ClassCodes(known, torch.stack(means))


@torch.no_grad()
def mixtures(network: VotingNetwork, codes: Tensor) -> Tensor:
    """Decode the middle between the mean codes of all pairs of classes; the diagonal has the means themselves.

    Args:
        network: An autoencoder, at rest.
        codes: (classes, *code).

    Returns:
        (classes, classes, channels, height, width) in [0, 1].
    """
    number = len(codes)
    between = (codes[:, None] + codes[None]) / 2
    images = decode(network, between.flatten(end_dim=1)).float().clamp(0, 1)
    return images.unflatten(0, (number, number))


def draw_codes(run: TrainedRun, options: PictureOptions) -> list[Path]:
    """Draw the mean code of each class: a row per class, a column per number.

    Raises:
        NotForThisRunError: If the run is no autoencoder.
    """
    labels, means = class_codes(run.stack, _images(run, "codes"))
    table = means.flatten(start_dim=1)
    names = [shortened(run.classes[label]) for label in labels]
    numbered = table.shape[1] <= _MOST_NUMBERED
    figure = new_figure(2.2 + (0.45 * table.shape[1] if numbered else 5.0), 1.1 + 0.32 * len(names))
    figure.set_layout_engine("constrained")
    axes = figure.add_subplot()
    most = float(table.abs().max())
    drawn = axes.imshow(table.numpy(), cmap="RdBu_r", vmin=-most, vmax=most, aspect="auto", interpolation="nearest")
    axes.set_title("Mean code of each class", loc="left", weight="bold", fontsize=11)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("number in the code", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    if numbered:
        axes.set_xticks(range(table.shape[1]))
        for row, values in enumerate(table.tolist()):
            for column, value in enumerate(values):
                colour = "white" if abs(value) > 0.6 * most else "black"
                axes.text(column, row, f"{value:z.1f}", ha="center", va="center", fontsize=7, color=colour)
    figure.colorbar(drawn, ax=axes).ax.tick_params(labelsize=7)
    return [save_figure(figure, options.folder / "codes.png")]


def draw_mixtures(run: TrainedRun, options: PictureOptions) -> list[Path]:
    """Draw what the decoder makes of the middle between all pairs of classes' mean codes.

    Raises:
        NotForThisRunError: If the run is no autoencoder.
    """
    labels, means = class_codes(run.stack, _images(run, "mixtures"))
    names = [shortened(run.classes[label], 11) for label in labels]
    cell = cell_size(len(names))
    sheet = Sheet(len(names), cell=cell, labels=0.75)
    sheet.title("Decoded mixtures of two classes")
    sheet.note("Each picture lies halfway between the mean codes of its row's and its column's class;")
    sheet.note("on the diagonal are the means themselves.")
    if cell < _CELL:
        sheet.note("The classes of the columns are those of the rows, in the same order.")
    for number, row in enumerate(mixtures(run.stack, means)):
        named = number == len(names) - 1 and cell == _CELL
        sheet.pictures(row, names if named else (), label=names[number])
    return [sheet.save(options.folder / "mixtures.png")]


def cell_size(num_classes: int) -> float:
    """Choose how large a mixture is drawn, in inches: the more classes, the smaller, so that the page can be opened.

    Example:
        >>> cell_size(10), cell_size(100)
        (0.62, 0.18)
    """
    return min(_CELL, _WIDEST / num_classes)


def _images(run: TrainedRun, kind: str) -> Split:
    if reason := why_no_way_back(run):
        raise NotForThisRunError(f"{kind}: no image can be rebuilt from this run's code: {reason}")
    return images_to_show(run)
