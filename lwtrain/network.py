"""A trained network as it is used: the backbone's logits, every layer's opinion, and their vote."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.local_module import LocalModule
from lwtrain.votes import VoteRule, count_votes, mirrored

OF_VALIDATION = ("accuracies", "mixture")
"""The buffers that a validation renews, and votes may be weighed by."""


class Opinion(NamedTuple):
    """What one layer says of a batch, and what it passes on."""

    layer: int
    logits: Tensor  # (batch, classes)
    outputs: Tensor

    @property
    def probabilities(self) -> Tensor:
        """The class probabilities, (batch, classes), in float32."""
        return self.logits.float().softmax(dim=1)


class VotingNetwork(pl.LightningModule):
    """Horizontal layers one on the other, each of which can be asked what it takes an image for.

    Promise: `forward` needs neither sidecars nor objectives.

    Args:
        layers: The horizontal layers, the one nearest the image first.
        head: The classifier behind the last of them.
        vote_rule: How the votes are counted; by default all are worth the same.

    Attributes:
        voters: Which layers vote, (layers,) bool.
        accuracies: How often each layer was right in the last validation that heard it, (layers,); 0 before any has.
        mixture: What each layer weighs in that mixture of the voters that made the labels of the last validation of all
            of them most likely, (layers,); 0 likewise. What votes weigh may follow from either, so a network that is
            loaded votes as the one that was stored.
    """

    voters: Tensor
    accuracies: Tensor
    mixture: Tensor

    def __init__(self, layers: Sequence[HorizontalLayer], head: LinearHead, vote_rule: VoteRule | None = None) -> None:
        super().__init__()
        self.layers = nn.ModuleList([*layers, head])
        self.names = [*(f"layer_{number}" for number in range(len(layers))), "head"]
        self.num_classes = head.num_classes
        self.register_buffer("voters", torch.ones(len(self.layers), dtype=torch.bool))
        self.register_buffer("accuracies", torch.zeros(len(self.layers)))
        self.register_buffer("mixture", torch.zeros(len(self.layers)))
        self.vote_rule = vote_rule or VoteRule()

    def forward(self, images: Tensor) -> Tensor:
        """Give the backbone's logits, (batch, classes), for images: uint8, or floats in [0, 1]."""
        return self.climb(as_inputs(images), len(self.layers))

    @torch.no_grad()
    def layer_probabilities(self, images: Tensor, *, flips: bool | None = None) -> Tensor:
        """Give every layer's class probabilities, (layers, batch, classes), the head's last, in one forward pass.

        Args:
            images: uint8, or floats in [0, 1].
            flips: Whether to give means over image and mirror image, from two passes; by default as the vote rule says.
        """
        every, flips = range(len(self.layers)), self.vote_rule.flips if flips is None else flips
        return torch.stack([shares for _, shares in self.judge(images, every, every, flips=flips)])

    def vote(self, images: Tensor) -> Tensor:
        """Give the trained layers' class probabilities, counted by the vote rule, (batch, classes)."""
        return count_votes(self.layer_probabilities(images)[self.voters], self.weigh(self.voter_numbers))

    def weigh(self, layers: Sequence[int]) -> Tensor:
        """Give what the votes of some layers weigh among them, (len(layers),)."""
        return self.vote_rule.weigh(
            layers, accuracies=self.accuracies, mixture=self.mixture, num_classes=self.num_classes
        )

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

    def judge(
        self, images: Tensor, passed: range, asked: Collection[int], *, flips: bool
    ) -> Iterator[tuple[int, Tensor]]:
        """Give, layer by layer, the class probabilities of images, (batch, classes).

        Args:
            images: uint8, or floats in [0, 1].
            passed: The layers to pass through, from the first on.
            asked: Those of them whose opinion is wanted.
            flips: Whether to give the mean over image and mirror image.
        """
        views = [images, mirrored(images)] if flips else [images]
        for opinions in zip(*(self.opinions(as_inputs(view), passed, asked) for view in views), strict=True):
            yield opinions[0].layer, torch.stack([opinion.probabilities for opinion in opinions]).mean(dim=0)

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
