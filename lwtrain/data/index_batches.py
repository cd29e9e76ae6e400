"""Which rows of the front make one batch: labelled and unlabelled ones side by side.

A *row* is one place in the front. The labelled images fill the first rows, the unlabelled ones the rest; where labelled
images are repeated to keep up, each repetition has a row, and so an augmentation, of its own.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from lwtrain.data.row_count import Batches, row_counts


class Rows(NamedTuple):
    """What stands in the rows of the front: an image in each, the labelled ones first."""

    images: Tensor  # (num_rows,) int64: indices into the training images
    num_labelled: int


class RowBatch(NamedTuple):
    """One batch, by its places in the front; the first `len(labels)` rows are the labelled ones."""

    rows: Tensor  # (batch,) int64
    labels: Tensor  # (labelled,) int64
    own: Tensor | None = None  # (labelled,) how much of itself each keeps, where they are blended; `lwtrain.data.mixup`


def lay_rows(labelled: Tensor, unlabelled: Tensor, batches: Batches, generator: torch.Generator) -> Rows:
    """Place images in rows for one pass over the data.

    Args:
        labelled: (L,) indices of the labelled images.
        unlabelled: (U,) indices of the others; empty if every image has its label.
        batches: "half": as many labelled rows as unlabelled ones, the fewer repeated until they keep up; a share of
            the rows: so many labelled ones, likewise; "proportional": every image once; "labelled": the labelled images
            only.
        generator: Shuffles each round of repetitions, so that the last, incomplete round differs from pass to pass.

    Example:
        >>> lay_rows(torch.tensor([7]), torch.tensor([3, 5]), "half", torch.Generator())
        Rows(images=tensor([7, 7, 3, 5]), num_labelled=2)
    """
    first, rest = row_counts(len(labelled), len(unlabelled), batches)
    images = [_repeat(labelled, first, generator), _repeat(unlabelled, rest, generator)]
    return Rows(torch.cat(images), first)


def _repeat(images: Tensor, length: int, generator: torch.Generator) -> Tensor:
    if length <= len(images):  # all of them, or none
        return images[:length]
    rounds = -(-length // len(images))
    return torch.cat([images[torch.randperm(len(images), generator=generator)] for _ in range(rounds)])[:length]


def share(rows: Tensor, rank: int, world: int) -> Tensor:
    """Take a process's part of some rows: every world-th.

    The last row fills up the parts of processes late in the line, so that all have as many.

    Example:
        >>> [share(torch.arange(7), rank, world=3).tolist() for rank in range(3)]
        [[0, 3, 6], [1, 4, 6], [2, 5, 6]]
    """
    return torch.cat([rows, rows[-1:].expand(-len(rows) % world)])[rank::world]


def count_batches(num_rows: int, batch_size: int) -> int:
    """How many batches one epoch takes: as few as keep every batch at `batch_size` or below."""
    return -(-num_rows // batch_size)


def count_training_batches(rows: Rows, batch_size: int, world: int = 1) -> int:
    """How many batches `world` processes, with as many rows each, deal out at once.

    Example:
        >>> count_training_batches(Rows(torch.arange(10), num_labelled=5), batch_size=5)  # half and half: 4 in each
        3
    """
    if _half_and_half(rows):
        batch_size -= batch_size % 2
    return count_batches(len(rows.images) * world, batch_size)


def shuffled_batches(
    rows: Rows, num_batches: int, generator: torch.Generator, believed: Tensor | None = None
) -> list[tuple[Tensor, int]]:
    """Deal all rows out to batches, each with its share of labelled and of unlabelled ones.

    No row is left out, and as sizes differ by one at most (by two where each batch is half and half), no tiny last
    batch upsets batch norm.

    Args:
        rows: To deal out.
        num_batches: How many there are to be.
        generator: Shuffles the rows.
        believed: (num_rows,) bool, which rows have a label that is believed, if any have: each batch has its share of
            these, too, so that there are few shapes of batches where the others are left out.

    Returns:
        For each batch its rows, (batch,) int64 with the labelled ones first, and how many of them are labelled.

    Example:
        >>> rows = Rows(torch.arange(10), num_labelled=4)
        >>> [(len(places), labelled) for places, labelled in shuffled_batches(rows, 3, torch.Generator())]
        [(4, 2), (3, 1), (3, 1)]
    """
    first, num_rows = rows.num_labelled, len(rows.images)
    labelled = torch.randperm(first, generator=generator).tensor_split(num_batches)
    others = first + torch.randperm(num_rows - first, generator=generator)
    unlabelled = (others if believed is None else _spread(others, believed[others])).tensor_split(num_batches)
    if not _half_and_half(rows):
        # Larger shares come first: turned round, those of one kind meet the smaller ones of the other.
        unlabelled = unlabelled[::-1]
    return [(torch.cat(pair), len(pair[0])) for pair in zip(labelled, unlabelled, strict=True)]


def _spread(places: Tensor, marked: Tensor) -> Tensor:
    """Put marked places between the others so that any stretch has its share of them; keeps the order within each."""
    at = torch.empty(len(places), dtype=torch.float64)
    for kind in (marked, ~marked):
        count = int(kind.sum())
        at[kind] = (torch.arange(count, dtype=at.dtype) + 0.5) / max(count, 1)
    return places[at.argsort(stable=True)]


def labelled_first(places: Tensor, labels: Tensor, *, idle: bool = True) -> RowBatch:
    """Make a batch of some rows: those that have a label come first, and the order is kept otherwise.

    Args:
        places: (batch,) int64, the rows.
        labels: (num_rows,) int64, of all rows; negative where there is none.
        idle: Whether rows without a label are in it. They are where it would have less than two rows without them, for
            batch norm's sake.

    Example:
        >>> labelled_first(torch.tensor([3, 0, 2]), labels=torch.tensor([7, 8, 9, -1]))
        RowBatch(rows=tensor([0, 2, 3]), labels=tensor([7, 9]), own=None)
    """
    known = labels[places] >= 0
    first = places[known]
    others = places[~known] if idle or len(first) < 2 else places[:0]
    return RowBatch(torch.cat([first, others]), labels[first])


def _half_and_half(rows: Rows) -> bool:
    return 2 * rows.num_labelled == len(rows.images)
