"""Which pixels speak for the class that a layer sees: guided backpropagation."""

from pathlib import Path

import torch
from torch import Tensor

from lwtrain.data.view import as_inputs
from lwtrain.network import VotingNetwork
from lwtrain.pictures.colours import BLACK, BLUE, RED
from lwtrain.pictures.drawing import Sheet, shortened
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.pictures.rectifiers import GuidedReLU, with_rectifiers
from lwtrain.pictures.subjects import given_images, layers_to_show
from lwtrain.trained_run import TrainedRun

IMAGES = 8


def draw_guided(run: TrainedRun, options: PictureOptions) -> list[Path]:
    """Draw, for each image and each layer, which pixels speak for the class that the layer takes it for.

    A row per image: the image itself, then what each trained layer's own opinion rests on, with the class and its
    probability.

    Raises:
        NotForThisRunError: If no layer that is asked for has an opinion.
    """
    images, labels = given_images(run, options, IMAGES)
    inputs = as_inputs(images)
    numbers = [number for number in layers_to_show(run, options, "guided") if number in run.stack.voter_numbers]
    if not numbers:
        raise NotForThisRunError("guided: of a network trained end to end only the head tells classes apart")
    opinions = run.stack.layer_probabilities(inputs)[numbers]  # (layers, images, classes)
    seen = opinions.argmax(dim=2)  # with vote.flips another class, maybe, than one view alone is taken for
    maps = [guided_gradients(run.stack, number, inputs, classes) for number, classes in zip(numbers, seen, strict=True)]
    sheet = Sheet(1 + len(numbers), cell=0.9)
    sheet.title("Guided backpropagation: which pixels speak for the class that a layer sees")
    verdict = "" if labels is None else " Blue: the class is right; red: it is not."
    sheet.note(f"Bright pixels speak for it, dark ones against it.{verdict}")
    names = ["image", *(run.stack.names[number] for number in numbers)]
    for place in range(len(images)):
        truth = None if labels is None else int(labels[place])
        own = options.images[place].name if truth is None else run.classes[truth]
        confidence, classes = opinions[:, place].max(dim=1)
        captions = [
            f"{shortened(run.classes[label])}\n{share:.0%}" for label, share in zip(classes, confidence, strict=True)
        ]
        colours = [BLACK if truth is None else BLUE if label == truth else RED for label in classes]
        captions, colours = [f"{shortened(own)}\n", *captions], [BLACK, *colours]
        if place == 0:
            captions = [f"{name}\n{caption}" for name, caption in zip(names, captions, strict=True)]
        pictures = torch.stack([inputs[place], *(as_picture(each[place]) for each in maps)])
        sheet.pictures(pictures, captions, colours=colours)
    return [sheet.save(options.folder / "guided.png")]


def guided_gradients(network: VotingNetwork, number: int, images: Tensor, classes: Tensor | None = None) -> Tensor:
    """Follow a layer's logit back to the pixels, letting through only what excites.

    Springenberg et al. 2015, arXiv:1412.6806, section 3.4. The layer's own class opinion is its sidecar's; the head's
    is the network's. Written here, in a few lines (`lwtrain.pictures.rectifiers`), and not taken from captum: captum
    0.9 guides `nn.ReLU` alone, which leaves out every LeakyReLU, and half of our networks and all sidecars with a
    decoder have nothing else. For networks of ReLUs both give the same numbers.

    Args:
        network: At rest.
        number: Of the layer.
        images: (batch, channels, height, width) in [0, 1].
        classes: (batch,) Whose logit; by default of the class that the layer takes each image for.

    Returns:
        The gradient, (batch, channels, height, width).
    """
    guide = with_rectifiers(network, GuidedReLU).requires_grad_(False)
    images = images.detach().clone(memory_format=torch.channels_last).requires_grad_(True)
    logits = guide.part(number).classify(guide.climb(images, number))
    rows = torch.arange(len(images))
    (gradient,) = torch.autograd.grad(logits[rows, logits.argmax(dim=1) if classes is None else classes].sum(), images)
    return gradient


def as_picture(gradient: Tensor) -> Tensor:
    """Scale a gradient (channels, height, width) to [0, 1]: zero is grey, the strongest percent is black or white."""
    strongest = torch.quantile(gradient.abs().flatten(), 0.99).clamp_min(1e-12)
    return (0.5 + gradient / strongest / 2).clamp(0, 1)
