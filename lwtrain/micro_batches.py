"""Cuts a batch into slices that are run one after the other, where a whole one would not fit into memory."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

from lwtrain.data.index_batches import RowBatch

Batch = TypeVar("Batch", bound=RowBatch | tuple[Tensor, Tensor])


def micro_batches(batch: Batch, most: int | None) -> list[Batch]:
    """Cut a batch into as few slices as keep each at `most` rows, all with the same share of labelled rows.

    Shares are the same to within one row. No slice has less than two rows, for batch norm's sake, and none is without a
    labelled row where another has one: a batch with few of them makes fewer, larger slices.

    Args:
        batch: Rows or images, the labelled ones first, and the labels of these.
        most: Rows in a slice; None leaves the batch whole.

    Example:
        >>> batch = RowBatch(torch.arange(6), labels=torch.tensor([7, 8, 9]))
        >>> [(piece.rows.tolist(), piece.labels.tolist()) for piece in micro_batches(batch, most=4)]
        [([0, 1, 5], [7, 8]), ([2, 3, 4], [9])]
    """
    rows, labels, own = batch if isinstance(batch, RowBatch) else (*batch, None)
    if most is None or len(rows) <= most:
        return [batch]
    num_slices = max(1, min(math.ceil(len(rows) / most), len(rows) // 2, len(labels) or len(rows)))
    labelled = rows[: len(labels)].tensor_split(num_slices)
    unlabelled = rows[len(labels) :].tensor_split(num_slices)[::-1]  # where these cannot be dealt out evenly either
    pieces = [torch.cat(pair) for pair in zip(labelled, unlabelled, strict=True)]
    slices: list[Any] = list(zip(pieces, labels.tensor_split(num_slices), strict=True))
    if isinstance(batch, RowBatch):
        kept = [None] * num_slices if own is None else own.tensor_split(num_slices)
        slices = [RowBatch(rows, labels, part) for (rows, labels), part in zip(slices, kept, strict=True)]
    return slices


def shares(slices: Sequence[RowBatch | tuple[Tensor, Tensor]]) -> list[float]:
    """Give what each slice weighs in the mean over the batch, by its labelled rows, or by all where none is labelled.

    Example:
        >>> shares([(torch.zeros(3), torch.zeros(3)), (torch.zeros(1), torch.zeros(1))])
        [0.75, 0.25]
    """
    counts = [len(piece[1]) for piece in slices]
    if not sum(counts):
        counts = [len(piece[0]) for piece in slices]
    return [count / sum(counts) for count in counts]
