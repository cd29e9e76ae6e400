"""Pictures laid out on a sheet, with headings and captions; always dark on white, so that any page can show them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

from lwtrain.files import write_whole
from lwtrain.pictures.colours import BLACK

_DOTS = 150  # per inch
_MARGIN, _GAP = 0.15, 0.06  # inches
_LINE, _LETTER = 1.35 / 72, 0.62 / 72  # height and width of a letter in inches, for each point of its size


class Sheet:
    """A page that is filled from top to bottom; everything on it is measured in inches.

    Args:
        columns: How many pictures stand side by side.
        cell: Width and height of each; of a picture that is not square, the longer one.
        labels: Width of the column before them that holds the rows' names.

    Example:
        >>> import torch
        >>> sheet = Sheet(columns=2)
        >>> sheet.title("Noise")
        >>> sheet.pictures(torch.rand(3, 1, 8, 8), captions=["one", "two", "three"])
        >>> round(sheet.width, 2), round(sheet.height, 2)
        (2.06, 2.47)
    """

    def __init__(self, columns: int, *, cell: float = 0.85, labels: float = 0.0) -> None:
        self.columns, self.cell, self.labels = columns, cell, labels
        self.width = 2 * _MARGIN + labels + columns * (cell + _GAP) - _GAP
        self.height = _MARGIN
        self._figure = new_figure(1, 1)
        self._axes = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()

    def title(self, text: str) -> None:
        """Write the page's title."""
        self._write(text, size=12, weight="bold")

    def heading(self, text: str) -> None:
        """Write what the rows below show."""
        self.height += _GAP
        self._write(text, size=9, weight="bold")

    def note(self, text: str) -> None:
        """Write an explanation."""
        self._write(text, size=8)

    def pictures(
        self,
        images: Tensor,
        captions: Sequence[str] = (),
        *,
        label: str = "",
        colours: Sequence[str] = (),
    ) -> None:
        """Set pictures side by side, in as many rows as they take.

        Args:
            images: (pictures, channels, height, width) in [0, 1]; one channel is shown in grey, three are red, green
                and blue.
            captions: What stands below each; may have several lines.
            label: What stands before the first row.
            colours: Of the captions.
        """
        size = 6.5
        lines = max((caption.count("\n") + 1 for caption in captions), default=0)
        longest = max(images.shape[-2:])
        height, width = (self.cell * side / longest for side in images.shape[-2:])
        for place, image in enumerate(images):
            if place and place % self.columns == 0:
                self.height += height + lines * size * _LINE + _GAP
            left = _MARGIN + self.labels + place % self.columns * (self.cell + _GAP) + (self.cell - width) / 2
            if label and place == 0:
                self._text(_MARGIN, self.height + height / 2, label, size=8, va="center")
            corners = (left, left + width, self.height + height, self.height)
            self._axes.imshow(_pixels(image), extent=corners, interpolation="antialiased", cmap="gray", vmin=0, vmax=1)
            for line, text in enumerate(captions[place].split("\n") if captions else ()):
                below, colour = (
                    self.height + height + (line + 0.85) * size * _LINE,
                    colours[place] if colours else BLACK,
                )
                self._text(left + width / 2, below, text, size=size, ha="center", va="baseline", color=colour)
        self.height += height + lines * size * _LINE + _GAP

    def save(self, path: Path) -> Path:
        """Write the page as a PNG file."""
        return save_figure(self.figure(), path)

    def figure(self) -> Figure:
        """Give the page as it stands."""
        height = self.height + _MARGIN
        self._figure.set_size_inches(self.width, height)
        self._axes.set(xlim=(0, self.width), ylim=(height, 0), aspect="auto")
        return self._figure

    def _write(self, text: str, *, size: float, weight: str = "normal") -> None:
        self._text(_MARGIN, self.height, text, size=size, weight=weight, va="top")
        self.width = max(self.width, 2 * _MARGIN + len(text) * size * _LETTER)
        self.height += size * _LINE + 0.03

    def _text(self, x: float, y: float, text: str, **style: Any) -> None:
        self._axes.text(x, y, text, **{"color": BLACK, "linespacing": 1.1, **style})


def new_figure(width: float, height: float) -> Figure:
    """Make a white figure of its own, in inches; nothing that pyplot knows about."""
    figure = Figure((width, height), dpi=_DOTS, facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure as a PNG file that differs only where the picture does."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", facecolor="white", metadata={"Software": None})
    write_whole(path, lambda file: file.write(picture.getvalue()))
    return path


def shortened(name: str, length: int = 14) -> str:
    """Cut a long class name, so that it fits under a picture.

    Example:
        >>> shortened("lawn_mower"), shortened("a very long name of a class")
        ('lawn_mower', 'a very long n…')
    """
    return name if len(name) <= length else name[: length - 1] + "…"


def _pixels(image: Tensor) -> Any:
    channels = image.detach().float().cpu().clamp(0, 1)
    return (channels[0] if len(channels) == 1 else channels.permute(1, 2, 0)).numpy()
