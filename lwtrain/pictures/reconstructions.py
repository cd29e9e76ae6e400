"""What enters a layer beside what its sidecar rebuilds of it; of an autoencoder, images beside their copies."""

from pathlib import Path

import torch
from torch import Tensor

from lwtrain.autoencoding import can_decode, reconstruct
from lwtrain.config.effects import why_nothing_is_rebuilt
from lwtrain.config.schema import BackpropConfig
from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer
from lwtrain.pictures.activations import pictured, rebuild
from lwtrain.pictures.drawing import Sheet
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.pictures.subjects import chosen_layers, given_images
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
    return [*files, draw_pairs(run, options)] if is_autoencoder(run) else files


def is_autoencoder(run: TrainedRun) -> bool:
    """Whether the run's layers lead up to a code, and its sidecars have learned to lead back down."""
    config = run.config
    return can_decode(run.stack) and not why_nothing_is_rebuilt(config.encoder, config.objective, config.schedule)


def draw_layers(run: TrainedRun, options: PictureOptions) -> Path:
    """Draw, for each layer, what enters it and what its sidecar rebuilds."""
    images, _ = given_images(run, options, IMAGES)
    inputs = as_inputs(images)
    sheet = Sheet(min(PER_ROW, len(images)), cell=0.9, labels=0.55)
    sheet.title("What enters a layer, and what its sidecar rebuilds")
    for number in chosen_layers(run.stack, options.layers, head=False):
        part = run.stack.part(number)
        assert isinstance(part, HorizontalLayer)
        with torch.no_grad():
            rebuilt = rebuild(part, run.stack.climb(inputs, number))
        if rebuilt is None:
            continue
        shown = pictured(rebuilt, images=number == 0)
        channels, height, width = rebuilt.inputs.shape[1:]
        sheet.heading(f"{run.stack.names[number]}: {channels} x {height} x {width}, {_quality(rebuilt.explained)}")
        if shown.means:
            sheet.note(f"Colours: {shown.means}" if shown.originals.shape[1] == 3 else f"Shown: {shown.means}")
        for originals, others in zip(*(each.split(PER_ROW) for each in shown[:2]), strict=True):
            sheet.pictures(originals, label="input")
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
