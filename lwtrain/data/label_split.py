"""Which images are held out, and which of the rest keep their labels: as many of each class, fixed by a seed."""

from typing import NamedTuple

import torch
from torch import Tensor

from lwtrain.data.label_count import num_labelled, too_small_a_class
from lwtrain.seeds import generator_for

NO_LABEL = -1  # stands where a label would; of data sets any negative number does


def stratified_subset(labels: Tensor, per_class: list[int], generator: torch.Generator) -> Tensor:
    """Draw `per_class[c]` images of each class c.

    Args:
        labels: (num_images,) int64 class numbers.
        per_class: How many to draw of each class.
        generator: Decides which; the same state draws the same images.

    Returns:
        (sum(per_class),) int64 indices, ascending.

    Raises:
        ValueError: If a class has fewer images than asked for; names the most that all classes can give.
    """
    drawn = []
    for number, wanted in enumerate(per_class):
        members = torch.nonzero(labels == number).squeeze(1)
        if wanted > len(members):
            raise too_small_a_class(sum(per_class), torch.bincount(labels, minlength=len(per_class)).tolist())
        drawn.append(members[torch.randperm(len(members), generator=generator)[:wanted]])
    return torch.cat(drawn).sort().values


def hold_out(labels: Tensor, fraction: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Set a share of every class aside for validation.

    Returns:
        Indices (int64, ascending) of the images left for training, and of those held out.

    Raises:
        ValueError: If the fraction is not between 0 and 1, or leaves nothing on one of the two sides.
    """
    counts = torch.bincount(labels)
    per_class = [round(fraction * int(count)) for count in counts]
    if not 0 < fraction < 1 or sum(per_class) in (0, len(labels)):
        raise ValueError(f"validation={fraction}: choose a share between 0 and 1 that leaves images on both sides")
    held_out = stratified_subset(labels, per_class, generator)
    remaining = torch.ones(len(labels), dtype=torch.bool)
    remaining[held_out] = False
    return torch.nonzero(remaining).squeeze(1), held_out


class LabelSplit(NamedTuple):
    """What becomes of each training image; int64 indices, ascending, of which none is in two of them."""

    labelled: Tensor
    unlabelled: Tensor
    held_out: Tensor  # for validation


def split_labels(labels: Tensor, keep: int | float | str, validation: float | str, seed: int) -> LabelSplit:
    """Hold images out for validation, and let some of the rest keep their labels, the same number of each class.

    Args:
        labels: (num_images,) int64 class numbers; negative ones are unknown, and those images are never held out.
        keep: "all" that are known, a number of images, or a share of those that are not held out.
        validation: The share of each class that is held out, or "test": none.
        seed: Fixes which.

    Raises:
        ValueError: If either cannot be had from these images.
    """
    known, unknown = torch.nonzero(labels >= 0).squeeze(1), torch.nonzero(labels < 0).squeeze(1)
    num_classes = int(labels.max()) + 1
    kept, held_out = known, torch.empty(0, dtype=torch.int64)
    if validation != "test":
        kept, held_out = (
            known[part] for part in hold_out(labels[known], float(validation), generator_for(seed, "validation"))
        )
    number = num_labelled(keep, torch.bincount(labels[kept], minlength=num_classes).tolist())
    if number == len(kept):
        return LabelSplit(kept, unknown, held_out)
    per_class = [number // num_classes] * num_classes
    chosen = stratified_subset(labels[kept], per_class, generator_for(seed, "labels"))
    rest = torch.ones(len(kept), dtype=torch.bool)
    rest[chosen] = False
    return LabelSplit(kept[chosen], torch.cat([kept[rest], unknown]).sort().values, held_out)
