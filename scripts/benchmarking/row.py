"""One row of the benchmark: what is trained, how, and on how much. Plain Python: no torch in here."""

from dataclasses import dataclass
from typing import Literal

Method = Literal[
    "published",  # layer by layer as it was published: the layers below run again for every batch, in two parts
    "backprop",  # end to end in plain torch
    "lwtrain-backprop",  # end to end with lwtrain's convolutions, allocator settings and fused optimizer
    "checkpointing",  # the same, every layer run again in the backward pass
    "segment-checkpointing",  # the same, in about as many segments as a segment has layers
    "wave",  # lwtrain: one layer after the other
    "simultaneous",  # lwtrain: all layers on every batch
    "product",  # no training: square matrices multiplied, for the machine's peak
]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Row:
    """Says all that a fresh process needs in order to measure.

    Attributes:
        group: Rows of one group stand in one table.
        case: What rows that are compared with each other have in common: the network, its depth, ...
        network: One of lwtrain's models, or `plain_16`: 16 convolutions of 32 channels without pooling.
        images: Read once: by each layer in turn, by all together, or end to end.
        data_dir: Where CIFAR-10 lies; None: images of noise.
        augmentation: One of lwtrain's presets; lwtrain draws it anew for each wave, published code for each batch.
        quick: Whether the row is part of a short run.
    """

    group: str
    case: str
    network: str
    method: Method
    encoder: str | None = None
    front: str | None = None
    precision: Precision = "bf16"
    batch_size: int = 128
    images: int = 2560
    width: float = 1.0
    seed: int = 0
    data_dir: str | None = None
    augmentation: str | None = None
    quick: bool = False

    @property
    def name(self) -> str:
        """What tells the row from all others: group, case and contender.

        Example:
            >>> Row("speed", "vgg11", "vgg11", "wave", "pool", "disk").name
            'speed/vgg11/wave-pool-disk'
        """
        return f"{self.group}/{self.case}/{self.contender}"

    @property
    def contender(self) -> str:
        """What tells the row from others of its group and case."""
        precision = self.precision if self.method in ("backprop", "product") else None
        parts = self.method, self.encoder, self.front, precision, self.augmentation
        return "-".join(part for part in parts if part)
