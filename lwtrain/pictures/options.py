"""Which pictures there are, and what can be wished of them. No torch in here, so that help answers at once."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from lwtrain.errors import ConfigError

if TYPE_CHECKING:
    from lwtrain.trained_run import TrainedRun


class NotForThisRunError(ConfigError):
    """Pictures that cannot be made of a run, with the reason."""


@dataclass(frozen=True)
class PictureOptions:
    """What the user wishes.

    Attributes:
        folder: Where pictures go.
        seed: Decides what is drawn by lot.
        layers: The layers to show, by number, or "head"; None: all of them.
        number: How many filters or images; None: what suits the picture.
        images: The user's own pictures.
    """

    folder: Path
    seed: int = 0
    layers: tuple[str, ...] | None = None
    number: int | None = None
    images: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of picture.

    Attributes:
        summary: What it shows.
        home: The module and function that draw it.
        reads: Which of the options it looks at, besides `folder`.
    """

    summary: str
    home: str
    reads: tuple[str, ...] = ()

    def draw(self, run: "TrainedRun", options: PictureOptions) -> list[Path]:
        """Draw it, and give the files.

        Raises:
            NotForThisRunError: If it cannot be made of this run.
        """
        from matplotlib import style

        module, function = self.home.split(":")
        with style.context("default"):  # whatever the user has set for other programs
            return getattr(import_module(f"lwtrain.pictures.{module}"), function)(run, options)


KINDS = {
    "filters": Kind(
        "the images that excite a filter most, layer by layer", "filters:draw_filters", ("layers", "number", "seed")
    ),
    "guided": Kind(
        "which pixels speak for the class that a layer sees (guided backpropagation)",
        "guided:draw_guided",
        ("layers", "number", "images"),
    ),
    "reconstructions": Kind(
        "what enters a layer beside what its sidecar rebuilds; an autoencoder's images beside their copies",
        "reconstructions:draw_reconstructions",
        ("layers", "number", "images"),
    ),
    "codes": Kind("the mean code of each class; autoencoders only", "mixtures:draw_codes"),
    "mixtures": Kind("decoded mixtures of all pairs of classes; autoencoders only", "mixtures:draw_mixtures"),
    "predictions": Kind(
        "test images with what the vote and the head take them for", "predictions:draw_predictions", ("number", "seed")
    ),
    "curves": Kind("the errors and losses of each layer, epoch by epoch", "curves:draw_curves", ("layers",)),
}
