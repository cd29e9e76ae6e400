"""The images that excite a filter most."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer
from lwtrain.network import VotingNetwork
from lwtrain.pictures.drawing import Sheet
from lwtrain.pictures.options import PictureOptions
from lwtrain.pictures.rectifiers import LeakyGradientReLU, with_rectifiers
from lwtrain.pictures.subjects import chosen_layers
from lwtrain.precision import trainer_precision
from lwtrain.seeds import generator_for
from lwtrain.trained_run import TrainedRun

# Chosen by eye on a VGG-8b of Fashion-MNIST: with a weaker decay and variation, or a faster climb, images turn black
# and white all over; with stronger ones they stay grey.
STEPS = 48  # of Adam
RATE = 0.1
DECAY = 0.3  # what a pixel pays for its distance from grey, where the filter's pull on a pixel is 1 in the mean
VARIATION = 0.5  # what it pays for its distance from its neighbours
START = 0.05  # spread of the waves to begin with: nearly grey
PER_ROW = 16
COMPARED = 256  # images of the data set that responses are compared with


class Excitation(NamedTuple):
    """Images made to excite the filters of one layer.

    Attributes:
        images: (filters, channels, height, width) in [0, 1].
        responses: (filters,) What each image draws from its filter.
        first_responses: (filters,) What the noise drew that it began as.
    """

    images: Tensor
    responses: Tensor
    first_responses: Tensor


def draw_filters(run: TrainedRun, options: PictureOptions) -> list[Path]:
    """Draw, for each layer, the images that excite some of its filters most; for the head, those of each class.

    Under each image stands the filter's number, and how its response compares with the strongest one to any of
    `COMPARED` training images.
    """
    shape = tuple(run.data.train.images.shape[1:])
    images = as_inputs(run.data.train.images[:COMPARED])
    sheet = Sheet(PER_ROW, cell=0.66)
    sheet.title("Images that excite a filter most")
    sheet.note(f"Below: the filter, and its response compared with the strongest to any of {COMPARED} training images.")
    for number in chosen_layers(run.stack, options.layers):
        with torch.no_grad():
            usual = responses(run.stack, number, images).max(dim=0).values
        filters = list(range(min(len(usual), options.number or PER_ROW)))
        found = excite(run.stack, number, filters, shape, seed=options.seed)
        is_head = number == len(run.stack.layers) - 1
        what = "classes" if is_head else "filters"
        sheet.heading(f"{run.stack.names[number]}: {len(filters)} of {len(usual)} {what}")
        captions = [
            f"{run.classes[filter] if is_head else filter}\n{_compared(response, usual[filter])}"
            for filter, response in zip(filters, found.responses.tolist(), strict=True)
        ]
        sheet.pictures(found.images, captions)
    return [sheet.save(options.folder / "filters.png")]


def _compared(response: float, usual: Tensor) -> str:
    if response <= 0:
        return "silent"
    return f"x {response / float(usual):.1f}" if float(usual) > 0 else "new"


def responses(network: VotingNetwork, number: int, images: Tensor) -> Tensor:
    """Give the mean of each filter's output over all positions, (batch, filters); of the head, the logits.

    Args:
        network: At rest.
        number: Of the layer.
        images: (batch, channels, height, width) in [0, 1].
    """
    part, inputs = network.part(number), network.climb(images, number)
    outputs = part.features(inputs) if isinstance(part, HorizontalLayer) else part.classify(inputs)
    return outputs.float().flatten(start_dim=2).mean(dim=2) if outputs.ndim > 2 else outputs.float()


def excite(
    network: VotingNetwork,
    number: int,
    filters: Sequence[int],
    shape: tuple[int, ...],
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Excitation:
    """Find images that some filters of a layer respond to most: activation maximisation.

    Gradient ascent finds high responses anywhere, most easily in patterns that no image has. What keeps it near images
    (Yosinski et al. 2015, arXiv:1506.06579, section 3; Olah et al. 2017, doi:10.23915/distill.00007): the image is a
    sum of waves, of which the long ones learn faster; it is moved about by some pixels at each step; it pays for
    contrast and for differences between neighbours; and a sigmoid keeps it in [0, 1]. A filter that is silent at first
    is woken by a small gradient through silent units.

    Args:
        network: At rest.
        number: Of the layer.
        filters: Which of its filters; of the head, which classes.
        shape: Of an image.
        steps: How long to climb.
        seed: Decides the noise to begin with, and how the images are moved.
    """
    channels, height, width = shape
    generator = generator_for(seed, "filters", number)
    climber = with_rectifiers(network, LeakyGradientReLU).requires_grad_(False)
    lengths = _wave_lengths(height, width)
    waves = START * torch.randn(len(filters), channels, *lengths.shape, 2, generator=generator)
    own = torch.arange(len(filters)), torch.tensor(filters)
    half = trainer_precision("auto", "cpu")[0] == "bf16-mixed"
    reach = max(height, width) // 16

    def draw() -> Tensor:
        return torch.fft.irfft2(torch.view_as_complex(waves) * lengths, s=(height, width), norm="ortho").sigmoid()

    def pull(images: Tensor) -> Tensor:
        """Give the direction in which the responses rise, 1 per pixel in the mean whatever the layer's scale."""
        images = images.detach().requires_grad_(True)
        moves = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
        moved = images.roll(moves, dims=(2, 3)).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            response = responses(climber, number, moved)[own]
        (gradient,) = torch.autograd.grad(response.sum(), images)
        return gradient / gradient.abs().mean(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)

    with torch.no_grad():
        first = responses(network, number, draw())[own]
    waves.requires_grad_(True)
    optimizer = torch.optim.Adam([waves], lr=RATE)
    for _ in range(steps):
        images = draw()
        optimizer.zero_grad()
        (_penalty(images) - (pull(images) * images).mean(dim=(1, 2, 3))).sum().backward()
        optimizer.step()
    with torch.no_grad():
        images = draw()
        return Excitation(images, responses(network, number, images)[own], first)


def _wave_lengths(height: int, width: int) -> Tensor:
    """Give the length of each wave of a real image's spectrum, in pixels, (height, width // 2 + 1)."""
    frequencies = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    return 1 / frequencies.clamp_min(1 / max(height, width))


def _penalty(images: Tensor) -> Tensor:
    """Weigh contrast and differences between neighbours, (batch,)."""
    contrast = (images - 0.5).square().mean(dim=(1, 2, 3))
    rough = [difference.abs().mean(dim=(1, 2, 3)) for difference in (images.diff(dim=2), images.diff(dim=3))]
    return DECAY * contrast + VARIATION * torch.stack(rough).nan_to_num().sum(dim=0)  # one pixel has no neighbours
