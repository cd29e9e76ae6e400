"""Test images with what the network takes them for."""

from pathlib import Path

import torch

from lwtrain.data.view import as_inputs
from lwtrain.pictures.colours import BLUE, RED
from lwtrain.pictures.drawing import Sheet, shortened
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.pictures.subjects import images_to_show, tell_of_untrained
from lwtrain.seeds import generator_for
from lwtrain.trained_run import TrainedRun

IMAGES, PER_ROW = 20, 10


def draw_predictions(run: TrainedRun, options: PictureOptions) -> list[Path]:
    """Draw test images picked by lot; below each its class, and what the vote and the head take it for.

    Of a run whose layers have no vote, such as backprop's, the head speaks alone; of one that was stopped before the
    head trained, the vote of the layers that have.

    Raises:
        NotForThisRunError: If no layer has trained.
    """
    voters, head = run.stack.voter_numbers, len(run.stack.layers) - 1
    if not voters:
        raise NotForThisRunError("predictions: none of the layers is trained yet")
    split = images_to_show(run)
    drawn = torch.randperm(len(split), generator=generator_for(options.seed, "predictions"))
    rows = drawn[: options.number or IMAGES].sort().values
    inputs, labels = as_inputs(split.images[rows]), split.labels[rows].tolist()
    speakers = {"vote": run.stack.vote(inputs), "head": run.stack.layer_probabilities(inputs)[-1]}
    if voters == [head]:
        del speakers["vote"]
    if head not in voters:
        tell_of_untrained("predictions", ["head"])
        del speakers["head"]
    found = {name: shares.max(dim=1) for name, shares in speakers.items()}
    first = next(iter(found.values())).indices.tolist()
    captions = []
    for place, label in enumerate(labels):
        lines = [shortened(run.classes[label], 18)]
        for name, (shares, classes) in found.items():
            lines.append(f"{name}: {shortened(run.classes[classes[place]], 12)} {shares[place]:.0%}")
        captions.append("\n".join([*lines, "correct" if first[place] == label else "mistake"]))
    right = sum(one == other for one, other in zip(first, labels, strict=True))
    sheet = Sheet(min(PER_ROW, len(labels)), cell=1.05)
    sheet.title(f"{right} of {len(labels)} test images are classified correctly")
    takes = f"the {' and the '.join(found)} {'take' if len(found) > 1 else 'takes'}"
    sheet.note(f"Below each: its class; what {takes} it for, and how surely.")
    if len(found) > 1:
        sheet.note("The vote alone decides whether it is correct, and its colour.")
    colours = [BLUE if one == other else RED for one, other in zip(first, labels, strict=True)]
    sheet.pictures(inputs, captions, colours=colours)
    return [sheet.save(options.folder / "predictions.png")]
