"""Puts other steps in the place of those by which a stack trains, for as long as an epoch lasts."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import nn

from lwtrain.local_module import LocalStep
from lwtrain.stack import LayerStack

Step = Callable[..., LocalStep]


class StepPlace(NamedTuple):
    """Where a step is found: a method of a layer, or of the stack where it trains end to end.

    Attributes:
        owner: Whose it is.
        method: What it is called.
        name: Of the layer that learns by it; the head's where all do.
    """

    owner: nn.Module
    method: str
    name: str

    @property
    def step(self) -> Step:
        """The step that is there."""
        step: Step = getattr(self.owner, self.method)
        return step


def step_places(stack: LayerStack) -> list[StepPlace]:
    """Find the steps by which a stack trains now."""
    if stack.end_to_end:
        return [StepPlace(stack, "end_to_end_step", stack.active_name)]
    return [StepPlace(stack.part(number), "local_step", stack.names[number]) for number in stack.learners]


class ReplacedSteps:
    """Steps that stand in the place of others until they are taken away."""

    def __init__(self) -> None:
        self._places: list[StepPlace] = []

    def put(self, places: Sequence[StepPlace], steps: Sequence[Step]) -> None:
        """Put a step in each place."""
        for place, step in zip(places, steps, strict=True):
            vars(place.owner)[place.method] = step  # what an instance has comes before what its class has
            self._places.append(place)

    def take_away(self) -> None:
        """Leave the steps that were there before."""
        for place in self._places:
            del vars(place.owner)[place.method]
        self._places = []
