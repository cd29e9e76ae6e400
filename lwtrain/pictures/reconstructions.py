"""What enters a layer beside what its sidecar rebuilds of it; of an autoencoder, images beside their copies."""

from pathlib import Path

import torch
from torch import Tensor

from lwtrain.autoencoding import can_decode, reconstruct
from lwtrain.config.learned_from import why_nothing_is_rebuilt
from lwtrain.config.schema import BackpropConfig
from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer
from lwtrain.pictures.activations import pictured, rebuild
from lwtrain.pictures.drawing import Sheet
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.pictures.subjects import given_images, images_to_compare, layers_to_show, trained_layers
from lwtrain.trained_run import TrainedRun

IMAGES, PER_ROW = 8, 16
PAIRS, PAIRS_PER_ROW = 100, 10


def draw_reconstructions(run: TrainedRun, options: PictureOptions) -> list[Path]:
    """Draw originals above reconstructions for each layer; for an autoencoder also pairs of images, in ten rows of ten.

    Raises:
        NotForThisRunError: If no sidecar of the run has learned to rebuild.
    """
    config = run.config
    if reason := why_nothing_is_rebuilt(config.encoder, config.objective, config.schedule):
        raise NotForThisRunError(f"reconstructions: {reason}")
    as_a_whole = isinstance(config.schedule, BackpropConfig)  # then no decoder has learned to rebuild a layer's input
    files = [] if as_a_whole else [draw_layers(run, options)]
    return files if why_no_way_back(run) else [*files, draw_pairs(run, options)]


def why_no_way_back(run: TrainedRun) -> str | None:
    """Say why images cannot be rebuilt from the run's code, the top layer's output; None if they can."""
    config = run.config
    if reason := why_nothing_is_rebuilt(config.encoder, config.objective, config.schedule):
        return reason
    if not can_decode(run.stack):
        return "its layers rebuild each its own input, and no image from the code; see experiment=conv_autoencoder"
    untrained = sorted(set(range(len(run.stack.layers) - 1)) - set(trained_layers(run)))
    return f"{run.stack.names[untrained[0]]} is not trained yet" if untrained else None


def draw_layers(run: TrainedRun, options: PictureOptions) -> Path:
    """Draw, for each layer, what enters it (or the network) and what its sidecar rebuilds."""
    images, _ = given_images(run, options, IMAGES)
    inputs, many = as_inputs(images), images_to_compare(run)
    numbers = layers_to_show(run, options, "reconstructions", head=False)
    sheet = Sheet(min(PER_ROW, len(images)), cell=0.9, labels=0.55)
    sheet.title("Originals, and what the layers' sidecars rebuild of them")
    sheet.note(f"Shares are of the variance over {len(many)} training images.")
    for number in numbers:
        part = run.stack.part(number)
        assert isinstance(part, HorizontalLayer)
        of_images = part.sidecar.rebuilds_images
        with torch.no_grad():
            rebuilt = rebuild(part, run.stack.climb(inputs, number), inputs)
            usual = many if of_images else part.inlet(run.stack.climb(many, number))
        if rebuilt is None:
            continue
        shown = pictured(rebuilt, images=number == 0 or of_images, usual=usual)
        channels, height, width = rebuilt.inputs.shape[1:]
        sheet.heading(
            f"{run.stack.names[number]}: {channels} x {height} x {width}, {_quality(rebuilt.explained(usual))}"
        )
        if shown.means:
            sheet.note(f"Colours: {shown.means}" if shown.originals.shape[1] == 3 else f"Shown: {shown.means}")
        for originals, others in zip(*(each.split(PER_ROW) for each in shown[:2]), strict=True):
            sheet.pictures(originals, label="image" if of_images else "input")
            sheet.pictures(others, label="rebuilt")
    return sheet.save(options.folder / "reconstructions.png")


def _quality(explained: float) -> str:
    return f"{explained:.0%} of the variance rebuilt" if explained > 0 else "no better rebuilt than by its mean"


def draw_pairs(run: TrainedRun, options: PictureOptions) -> Path:
    """Draw an autoencoder's images, each with its copy at its right."""
    images, _ = given_images(run, options, PAIRS)
    inputs = as_inputs(images)
    with torch.no_grad():
        pairs = paired(inputs, reconstruct(run.stack, inputs).float().clamp(0, 1))
    sheet = Sheet(min(PAIRS_PER_ROW, len(images)), cell=0.95)
    sheet.title("Images and what the autoencoder makes of them")
    sheet.note("In each pair the original is at the left.")
    sheet.pictures(pairs)
    return sheet.save(options.folder / "autoencoder_pairs.png")


def paired(originals: Tensor, others: Tensor) -> Tensor:
    """Put each image and its counterpart side by side: (batch, channels, height, 2 x width)."""
    return torch.cat([originals, others], dim=3)
