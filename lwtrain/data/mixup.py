"""Mixup: the rows of a batch are blended in pairs, and so are their labels."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lwtrain.data.index_batches import RowBatch
from lwtrain.seeds import derive_seed


class Mixup:
    """Pairs the labelled rows of each batch, and says how much of its own each of them keeps.

    By Zhang et al. (2018, arXiv:1710.09412): a layer that has to say how much of two images it sees cannot learn labels
    by heart, wrong ones included; Arazo et al. (2020, arXiv:1908.02983) found it to be what keeps a network from
    believing its own mistakes. Shares are drawn for each row from a beta distribution with both parameters `alpha`.
    The larger part is a row's own, as in MixMatch (Berthelot et al. 2019, arXiv:1905.02249): it keeps its label.

    What is blended is what enters the lowest layer that trains: images, or another layer's outputs.

    Args:
        alpha: Small: rows stay nearly as they are; 1: any share is as likely as any other; large: halves.

    Raises:
        ValueError: If `alpha` is not above 0.
    """

    def __init__(self, alpha: float) -> None:
        if not alpha > 0:
            raise ValueError(f"mixup={alpha}: choose a number above 0")
        self.alpha = alpha

    def __call__(self, batch: RowBatch, *seed: int | str) -> RowBatch:
        """Shuffle the labelled rows, the first of which will be blended with the last, and draw their shares.

        Args:
            batch: Whose rows to pair; those without a label stay as they are.
            seed: What the draws follow from; see `lwtrain.seeds.derive_seed`.
        """
        draws, count = np.random.default_rng(derive_seed(*seed)), len(batch.labels)
        order = torch.from_numpy(draws.permutation(count))
        shares = torch.from_numpy(draws.beta(self.alpha, self.alpha, count)).float()
        rows = torch.cat([batch.rows[order], batch.rows[count:]])
        return RowBatch(rows, batch.labels[order], torch.maximum(shares, 1 - shares))


def blend(rows: Tensor, own: Tensor) -> Tensor:
    """Blend the first rows of a batch in pairs: the first of them with the last, and so on.

    Args:
        rows: (batch, ...): images or activations; those beyond `own` stay as they are.
        own: (labelled,): how much each keeps; the rest is its partner's.

    Returns:
        New rows, laid out in memory as before.

    Example:
        >>> blend(torch.tensor([0.0, 1.0, 8.0]), own=torch.tensor([1.0, 0.75]))
        tensor([0.0000, 0.7500, 8.0000])
    """
    paired = rows[: len(own)]
    share = own.to(rows.dtype).view(-1, *[1] * (rows.ndim - 1))
    blended = torch.lerp(paired.flip(0), paired, share)
    return blended if len(paired) == len(rows) else torch.cat([blended, rows[len(own) :]])


def blend_labels(labels: Tensor, own: Tensor, num_classes: int) -> Tensor:
    """Say how much of each class there is in rows that have been blended, (labelled, num_classes).

    Args:
        labels: (labelled,) int64, before.
        own: (labelled,), as of `blend`.
        num_classes: How many there are.

    Example:
        >>> blend_labels(torch.tensor([2, 0]), own=torch.tensor([1.0, 0.75]), num_classes=3)
        tensor([[0.0000, 0.0000, 1.0000],
                [0.7500, 0.0000, 0.2500]])
    """
    return blend(F.one_hot(labels, num_classes).to(own.dtype), own)
