"""A trained network as it is used: the backbone's logits, every layer's opinion, and their vote."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer, LinearHead, LocalModule


class Opinion(NamedTuple):
    """What one layer says of a batch, and what it passes on."""

    layer: int
    logits: Tensor  # (batch, classes)
    outputs: Tensor


class VotingNetwork(pl.LightningModule):
    """Horizontal layers one on the other, each of which can be asked what it takes an image for.

    Promise: `forward` needs neither sidecars nor objectives.

    Args:
        layers: The horizontal layers, the one nearest the image first.
        head: The classifier behind the last of them.
    """

    voters: Tensor

    def __init__(self, layers: Sequence[HorizontalLayer], head: LinearHead) -> None:
        super().__init__()
        self.layers = nn.ModuleList([*layers, head])
        self.names = [*(f"layer_{number}" for number in range(len(layers))), "head"]
        self.num_classes = head.num_classes
        self.register_buffer("voters", torch.ones(len(self.layers), dtype=torch.bool))

    def forward(self, images: Tensor) -> Tensor:
        """Give the backbone's logits, (batch, classes), for images: uint8, or floats in [0, 1]."""
        return self.climb(as_inputs(images), len(self.layers))

    @torch.no_grad()
    def layer_probabilities(self, images: Tensor) -> Tensor:
        """Give every layer's class probabilities, (layers, batch, classes), the head's last, in one forward pass."""
        opinions = self.opinions(as_inputs(images), range(len(self.layers)), range(len(self.layers)))
        return torch.stack([opinion.logits.float().softmax(dim=1) for opinion in opinions])

    def vote(self, images: Tensor) -> Tensor:
        """Give the mean of the trained layers' class probabilities, (batch, classes)."""
        return self.layer_probabilities(images)[self.voters].mean(dim=0)

    def elect(self, layers: Iterable[int]) -> None:
        """Let those layers vote that are trained, and no others."""
        self.voters.fill_(False)
        for layer in layers:
            self.voters[layer] = True

    @property
    def voter_numbers(self) -> list[int]:
        """The layers that vote, in order."""
        return torch.nonzero(self.voters).flatten().tolist()

    def part(self, number: int) -> LocalModule:
        """Give a layer by its number; -1 is the head."""
        part = self.layers[number]
        assert isinstance(part, LocalModule)
        return part

    def climb(self, inputs: Tensor, upto: int) -> Tensor:
        """Run the backbone's part of the first `upto` layers."""
        for layer in self.layers[:upto]:
            inputs = layer(inputs)
        return inputs

    def opinions(self, inputs: Tensor, passed: range, asked: Collection[int]) -> Iterator[Opinion]:
        """Give what the layers say one after the other, from one forward pass.

        Args:
            inputs: What enters the first of them.
            passed: The layers to pass through.
            asked: Those of them whose opinion is wanted; the sidecars of the others do not run.
        """
        for number in passed:
            if number in asked:
                logits, inputs = self.part(number).pass_on(inputs)
                yield Opinion(number, logits, inputs)
            else:
                inputs = self.layers[number](inputs)
