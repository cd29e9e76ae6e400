"""The images that excite a filter most."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from lwtrain.layer import HorizontalLayer
from lwtrain.network import VotingNetwork
from lwtrain.pictures.drawing import Sheet, shortened
from lwtrain.pictures.options import PictureOptions
from lwtrain.pictures.palette import Palette
from lwtrain.pictures.rectifiers import LeakyGradientReLU, with_rectifiers
from lwtrain.pictures.subjects import COMPARED, images_to_compare, layers_to_show
from lwtrain.precision import trainer_precision
from lwtrain.seeds import generator_for
from lwtrain.trained_run import TrainedRun

# Chosen on a VGG-C of Fashion-MNIST and a VGG-8b of CIFAR-10, by eye and by how far the made images excite more than
# training images: penalties and movement that last to the end leave deep filters less excited than by these.
STEPS = 80  # of Adam
RATE = 0.1
DECAY = 0.3  # what a pixel pays at first for its distance from grey, where the filter's pull on it is 1 in the mean
VARIATION = 0.5  # what it pays at first for its distance from its neighbours
FADED = 0.8  # share of the steps after which it pays nothing and the image stays in place
SETTLING = 0.5  # share of the steps after which they become smaller
START = 0.05  # spread of the waves to begin with: nearly one colour
PER_ROW = 16


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
    `COMPARED` training images; under a class's image, the probability that the network gives the class.
    """
    images = images_to_compare(run)
    rows = [_row(run, number, images, options) for number in layers_to_show(run, options, "filters")]
    sheet = Sheet(min(PER_ROW, max(len(row.captions) for row in rows)), cell=0.66)
    sheet.title("Images that excite a filter most")
    sheet.note(f"Below: the filter, and its response compared with the strongest to any of {COMPARED} training images;")
    sheet.note("or the class, and the probability that the network gives it.")
    for row in rows:
        sheet.heading(row.heading)
        sheet.pictures(row.images, row.captions)
    return [sheet.save(options.folder / "filters.png")]


class _Row(NamedTuple):
    heading: str
    images: Tensor
    captions: list[str]


def _row(run: TrainedRun, number: int, images: Tensor, options: PictureOptions) -> _Row:
    with torch.no_grad():
        usual = responses(run.stack, number, images).max(dim=0).values
    filters = list(range(min(len(usual), options.number or PER_ROW)))
    shape, palette = tuple(images.shape[1:]), Palette.of(images)
    found = excite(run.stack, number, filters, shape, palette=palette, seed=options.seed)
    name = f"{run.stack.names[number]}: {len(filters)} of {len(usual)}"
    if number < len(run.stack.layers) - 1:
        captions = [f"{filter}\n{_compared(found.responses[filter], usual[filter])}" for filter in filters]
        return _Row(f"{name} filters", found.images, captions)
    with torch.no_grad():
        shares = run.stack(found.images).float().softmax(dim=1)
    captions = [f"{shortened(run.classes[label], 11)}\n{shares[label, label]:.0%}" for label in filters]
    return _Row(f"{name} classes", found.images, captions)


def _compared(response: Tensor, usual: Tensor) -> str:
    if response <= 0:
        return "silent"
    return f"x {response / usual:.1f}" if usual > 0 else "new"


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
    palette: Palette | None = None,
    steps: int = STEPS,
    seed: int = 0,
) -> Excitation:
    """Find images that some filters of a layer respond to most: activation maximisation.

    Gradient ascent finds high responses anywhere, most easily in patterns that no image has. What keeps it near images
    (Yosinski et al. 2015, arXiv:1506.06579, section 3; Olah et al. 2017, doi:10.23915/distill.00007): the image is a
    sum of waves, of which the long ones learn faster, in the colours of real images; it is moved about by some pixels
    at each step, and it pays for contrast and for differences between neighbours. Movement and price fade, so that
    they choose which way up the image takes, and the filter alone how far. A filter that is silent at first is woken
    by a small gradient through silent units.

    Args:
        network: At rest.
        number: Of the layer.
        filters: Which of its filters; of the head, which classes.
        shape: Of an image.
        palette: The colours to keep to; by default any.
        steps: How long to climb.
        seed: Decides the noise to begin with, and how the images are moved.
    """
    channels, height, width = shape
    palette = palette or Palette.free(channels)
    generator = generator_for(seed, "filters", number)
    climber = with_rectifiers(network, LeakyGradientReLU).requires_grad_(False)
    lengths = _wave_lengths(height, width)
    waves = START * torch.randn(len(filters), channels, *lengths.shape, 2, generator=generator)
    own = torch.arange(len(filters)), torch.tensor(filters)
    half = trainer_precision("auto", "cpu")[0] == "bf16-mixed"
    reach = max(height, width) // 16

    def draw() -> Tensor:
        drawn = torch.fft.irfft2(torch.view_as_complex(waves) * lengths, s=(height, width), norm="ortho")
        return palette.pixels(drawn)

    def pull(images: Tensor, reach: int) -> Tensor:
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
    for step in range(steps):
        held = max(0.0, 1 - step / (FADED * steps))
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, (1 - step / steps) / SETTLING)
        images = draw()
        optimizer.zero_grad()
        (held * _penalty(images) - (pull(images, round(held * reach)) * images).mean(dim=(1, 2, 3))).sum().backward()
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
