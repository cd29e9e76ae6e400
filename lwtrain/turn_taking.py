"""Which layers of a network learn: one at a time, some, or all, each by its own loss or by the head's."""

from collections.abc import Collection, Sequence

from torch import nn

from lwtrain.autoencoding import decoders, learns_to_rebuild
from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.maps.decoder import DecoderMap
from lwtrain.measured_network import MeasuredNetwork
from lwtrain.pipeline import Pipeline
from lwtrain.schedules import Together, Turn, awake
from lwtrain.votes import VoteRule


class TurnTakingNetwork(MeasuredNetwork):
    """Lets layers train in turns; those that rest are in eval mode, and none of their parameters gets a gradient.

    Args:
        layers: The horizontal layers, the one nearest the image first.
        head: The classifier behind the last of them.
        vote_rule: How the layers' votes are counted; see `lwtrain.votes.VoteRule`.

    Attributes:
        pipeline: The line of processes that the layers are dealt to; None: this one trains them all.
    """

    def __init__(self, layers: Sequence[HorizontalLayer], head: LinearHead, vote_rule: VoteRule | None = None) -> None:
        super().__init__(layers, head, vote_rule)
        self.pipeline: Pipeline | None = None

    def activate(self, turn: Turn, rest: Collection[int] = ()) -> None:
        """Let one layer train, or several but `rest`; the others rest, and end to end all sidecars but decoders."""
        self.learners, self.end_to_end = self.learners_of(turn, rest), turn is Together.BACKPROP
        for part in self.layers:
            part.requires_grad_(False).eval()
        for module in self._learning_modules(rest):
            module.requires_grad_(True).train()
        for number in range(0 if self.end_to_end else self.entry, self.learners[-1] + 1):
            self._begin_inlet(number)
        for number in range(len(self.layers)):
            for parameter in self.part(number).idle_parameters():
                parameter.requires_grad_(False)  # data parallelism would wait for its gradient

    def learners_of(self, turn: Turn, rest: Collection[int] = ()) -> list[int]:
        """Give the layers that have a loss of their own; end to end that is the head."""
        return [len(self.layers) - 1] if turn is Together.BACKPROP else awake(turn, len(self.layers), rest)

    @property
    def own_learners(self) -> list[int]:
        """The learners that this process trains: all, unless they are dealt to several."""
        line = self.pipeline
        return self.learners if line is None else [number for number in self.learners if number in line.own]

    def _learning_modules(self, rest: Collection[int]) -> list[nn.Module]:
        if not self.end_to_end:
            return [self.layers[number] for number in self.own_learners]
        parts = [part for number, part in enumerate(self.layers) if number not in rest]
        horizontals = [part for part in parts if isinstance(part, HorizontalLayer)]
        modules = [module for part in horizontals for module in (part.inlet, part.layer, part.map)]
        return [*modules, *(decoders(self) if learns_to_rebuild(self) else []), self.layers[-1]]

    def _begin_inlet(self, number: int) -> None:
        """Let a map that starts as a piece of the decoder below it do so, when the layer above wakes first."""
        inlet = self.part(number).inlet
        if isinstance(inlet, DecoderMap):
            below = self.part(number - 1)
            assert isinstance(below, HorizontalLayer)
            inlet.begin_as(below.sidecar)

    def entry_of(self, turn: Turn, rest: Collection[int] = ()) -> int:
        """Give the lowest layer that trains when it is `turn`'s turn."""
        return 0 if turn is Together.BACKPROP else self.learners_of(turn, rest)[0]
