"""Cuts a batch into slices that are run one after the other, where a whole one would not fit into memory."""

import math
from typing import TypeVar

import torch
from torch import Tensor

from lwtrain.data.index_batches import RowBatch

Batch = TypeVar("Batch", RowBatch, tuple[Tensor, Tensor])


def micro_batches(batch: Batch, most: int | None) -> list[Batch]:
    """Cut a batch into as few slices as keep each at `most` rows, all with the same share of labelled rows.

    Shares are the same to within one row. No slice has less than two rows, for batch norm's sake, and none is without a
    labelled row where another has one: a batch with few of them makes fewer, larger slices.

    Args:
        batch: Rows or images, the labelled ones first, and the labels of these.
        most: Rows in a slice; None leaves the batch whole.

    Example:
        >>> batch = RowBatch(torch.arange(6), labels=torch.tensor([7, 8, 9]))
        >>> micro_batches(batch, most=4)
        [RowBatch(rows=tensor([0, 1, 5]), labels=tensor([7, 8])), RowBatch(rows=tensor([2, 3, 4]), labels=tensor([9]))]
    """
    rows, labels = batch
    if most is None or len(rows) <= most:
        return [batch]
    num_slices = max(1, min(math.ceil(len(rows) / most), len(rows) // 2, len(labels) or len(rows)))
    labelled = rows[: len(labels)].tensor_split(num_slices)
    unlabelled = rows[len(labels) :].tensor_split(num_slices)[::-1]  # where these cannot be dealt out evenly either
    slices = zip(labelled, unlabelled, labels.tensor_split(num_slices), strict=True)
    make = RowBatch if isinstance(batch, RowBatch) else lambda *parts: parts
    return [make(torch.cat([some, others]), own) for some, others, own in slices]


def shares(slices: list[Batch]) -> list[float]:
    """Give what each slice weighs in the mean over the batch, by its labelled rows, or by all where none is labelled.

    Example:
        >>> shares([(torch.zeros(3), torch.zeros(3)), (torch.zeros(1), torch.zeros(1))])
        [0.75, 0.25]
    """
    counts = [len(labels) for _, labels in slices]
    if not sum(counts):
        counts = [len(rows) for rows, _ in slices]
    return [count / sum(counts) for count in counts]
