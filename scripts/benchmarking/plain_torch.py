"""Backpropagation as any user of torch would write it: the baseline outside lwtrain."""

from typing import Any

import torch
import torch.nn.functional as F

from benchmarking.contender import pick_device, shuffled, timed
from benchmarking.networks import convolutions, plain_network
from benchmarking.row import Row
from lwtrain.backbones.backbone import Shape
from lwtrain.data.load import Split

LEARNING_RATE = 1e-3


class PlainBackprop:
    """Trains the whole network end to end.

    bf16 is autocast with weights and images channels last, and a fused optimizer; fp32 is torch as it comes. No setting
    of the allocator, no convolution of its own.
    """

    def __init__(self, row: Row, shape: Shape) -> None:
        self._batch_size, self._device = row.batch_size, pick_device()
        self._bf16 = row.precision == "bf16"
        self._memory_format = torch.channels_last if self._bf16 else torch.contiguous_format
        # As a mapping: torch's annotations do not know the memory format.
        place: dict[str, Any] = {"device": self._device, "memory_format": self._memory_format}
        self.network = plain_network(row.network, row.width, shape).to(**place)
        self.num_layers = len(convolutions(row.network, row.width)) + 1
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE, fused=self._bf16 or None)

    def train(self, images: Split) -> float:
        """Train for one epoch."""
        self.network.train()
        with timed() as seconds:
            for inputs, labels in shuffled(images, self._batch_size, self._device):
                self._optimizer.zero_grad()
                with torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16):
                    logits = self.network(inputs.contiguous(memory_format=self._memory_format))
                F.cross_entropy(logits.float(), labels).backward()
                self._optimizer.step()
        return seconds()
