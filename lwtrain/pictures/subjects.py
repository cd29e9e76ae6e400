"""What pictures are made of: which layers, and which images."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from lwtrain.config.schema import BackpropConfig
from lwtrain.data.load import Split
from lwtrain.data.view import as_inputs
from lwtrain.errors import ConfigError, DataError
from lwtrain.network import VotingNetwork
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.printable import printable
from lwtrain.trained_run import TrainedRun

COMPARED = 256  # training images that what a layer does with others is compared with


def chosen_layers(network: VotingNetwork, layers: Sequence[str] | None, *, head: bool = True) -> list[int]:
    """Give the numbers of the layers that `--layers` names; all of them if it was not given.

    Args:
        network: Has the layers.
        layers: Numbers, or "head".
        head: Whether the head is one of them.

    Raises:
        ConfigError: If there is no such layer.
    """
    last = len(network.layers) - 1
    known = {str(number): number for number in range(last)} | ({"head": last} if head else {})
    for layer in layers or ():
        if layer not in known:
            raise ConfigError(f"--layers={layer}: choose 0 to {last - 1}{', or head' if head else ''}")
    return sorted({known[layer] for layer in layers}) if layers else list(known.values())


def trained_layers(run: TrainedRun) -> list[int]:
    """Give the numbers of the layers that had trained when the checkpoint was written; a run may have been stopped."""
    end_to_end = isinstance(run.config.schedule, BackpropConfig)  # then the head alone votes, and all have trained
    return list(range(len(run.stack.layers))) if end_to_end else run.stack.voter_numbers


def layers_to_show(run: TrainedRun, options: PictureOptions, kind: str, *, head: bool = True) -> list[int]:
    """Give the numbers of the layers that `--layers` names and that have trained; tell on stderr of the others.

    Args:
        run: Has the layers.
        options: May name layers.
        kind: Of the picture.
        head: Whether the head is one of them.

    Raises:
        ConfigError: If there is no such layer.
        NotForThisRunError: If none of them has trained.
    """
    chosen, trained = chosen_layers(run.stack, options.layers, head=head), trained_layers(run)
    untrained = [run.stack.names[number] for number in chosen if number not in trained]
    if len(untrained) == len(chosen):
        raise NotForThisRunError(f"{kind}: {', '.join(untrained)}: not trained yet")
    tell_of_untrained(kind, untrained)
    return [number for number in chosen if number in trained]


def tell_of_untrained(kind: str, layers: Sequence[str]) -> None:
    """Name the layers, if any, that a picture would have shown, had they trained before the run was stopped."""
    if layers:
        print(f"left out of {kind}: {', '.join(layers)}: not trained yet", file=sys.stderr)


def images_to_compare(run: TrainedRun) -> Tensor:
    """Give the first `COMPARED` training images, (images, channels, height, width) in [0, 1]."""
    return as_inputs(run.data.train.images[:COMPARED])


def images_to_show(run: TrainedRun) -> Split:
    """Give the test images; of a data set that has none, those held out for validation.

    Raises:
        ConfigError: If there are neither.
    """
    data = run.data
    if data.test is not None and len(data.test):
        return data.test
    if not len(data.held_out):
        raise ConfigError(
            f"dataset={run.config.dataset.name} has no test images: name pictures of your own with --images"
        )
    return Split(data.train.images[data.held_out], data.train.labels[data.held_out])


def given_images(run: TrainedRun, options: PictureOptions, number: int) -> tuple[Tensor, Tensor | None]:
    """Give the images of `--images`, or the first test images with their labels.

    Args:
        run: Whose network is going to read them.
        options: May name files.
        number: How many test images, where `--number` says nothing else.

    Returns:
        (images, channels, height, width) uint8, and (images,) labels, or None for the user's own images.
    """
    if options.images:
        return torch.stack([read_image(file, run.read_picture) for file in options.images]), None
    split, number = images_to_show(run), options.number or number
    return split.images[:number], split.labels[:number]


def read_image(file: Path, read: Callable[[Path], Tensor]) -> Tensor:
    """Read a picture file that `--images` names.

    Args:
        file: Of one of `lwtrain.data.decoding.FORMATS`.
        read: Reads it as the network reads images.

    Raises:
        DataError: If the file is missing or holds no picture.
    """
    if not file.is_file():
        raise DataError(printable(f"--images {file}: there is no such file"))
    try:
        return read(file)
    except DataError as error:
        raise DataError(printable(f"--images {file}: not a picture that can be read")) from error
