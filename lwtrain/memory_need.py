"""How much memory a run needs, found before it starts: what is held all along, and what a training step adds."""

import copy
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import torch
from torch import Tensor, nn

from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.index_batches import count_training_batches
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data.view import as_inputs
from lwtrain.fronts.front import CHUNK, climb
from lwtrain.fronts.size import front_bytes
from lwtrain.live_bytes import FEW, LiveBytes, RowBytes, row_bytes
from lwtrain.schedules import Together, Turn
from lwtrain.stack import LayerStack

STATES = {torch.optim.Adam: 2, torch.optim.AdamW: 2}  # numbers for each parameter; others keep momentum at most
ALL = "all layers"


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that one process of a run needs, by what for.

    Attributes:
        images: The data set's.
        weights: The network's, with sidecars and batch-norm statistics.
        optimizer_state: The most that the optimizer remembers at one time.
        steps: What one training step takes, by layer ("all layers" end to end): the rows that are read, activations,
            gradients.
        evaluation: What a chunk of rows takes where nothing is learned: in validation, and when the front is rolled.
        front: The activations that `front=memory` holds.
        rows: How many rows a step reads at once.
        growth: How each of `steps` grows with the rows.
    """

    images: int
    weights: int
    optimizer_state: int
    steps: Mapping[str, int]
    evaluation: int
    front: int
    rows: int
    growth: Mapping[str, RowBytes]

    @property
    def largest(self) -> str:
        """Whose step takes most."""
        return max(self.steps, key=lambda name: self.steps[name])

    @property
    def work(self) -> int:
        """What training takes beside what is held from the start: the largest step, and the optimizer's state."""
        return self.optimizer_state + max(*self.steps.values(), self.evaluation)


def memory_need(
    stack: LayerStack, data: SemiSupervisedDataModule, schedule: LayerSchedule, *, half: bool = False, world: int = 1
) -> MemoryNeed:
    """Find what a run needs, by making each layer's step with a few rows, on a copy that shares the weights.

    Nothing changes, and torch's generator is left as it was. What kernels need for themselves is not counted; see
    `lwtrain.enough_memory.OVERHEAD`. It takes 0.3 to 2 seconds of one (busy) core for VGG-8B and VGG-11.

    Args:
        stack: On the CPU, as it is before a fit.
        data: What it is to learn from.
        schedule: Who learns when, with which front.
        half: Whether layers compute in bfloat16.
        world: How many processes share each batch.
    """
    turns = [turn for turn, _ in groupby(moment.visit.layer for moment in schedule.timetable(len(stack.layers)))]
    rows, share = _rows_of_a_step(stack, data, world)
    shape = tuple(data.train.images.shape[1:])
    sketch = _Sketch(stack, shape, share, half)
    growth, entries = sketch.steps(set(turns), schedule.rest)
    extra = sketch.gradients_beside(turns, schedule.rest)
    highest = max((stack.entry_of(turn, schedule.rest) for turn in turns), default=0)
    passed = [data.train.images[:1].nbytes, *entries[1 : highest + 1]]
    splits = [split.images for split in (data.train, data.test) if split is not None]
    return MemoryNeed(
        images=sum(images.nbytes for images in splits if isinstance(images, Tensor)),  # others lie in files
        weights=sum(tensor.nbytes for tensor in [*stack.parameters(), *stack.buffers()]),
        optimizer_state=_optimizer_state(stack, turns, schedule),
        steps={name: step.peak(rows) + extra.get(name, 0) for name, step in growth.items()} or {ALL: 0},
        evaluation=sketch.evaluation().peak(CHUNK),
        front=_front(data, schedule, passed),
        rows=rows,
        growth=growth,
    )


def _rows_of_a_step(stack: LayerStack, data: SemiSupervisedDataModule, world: int) -> tuple[int, float]:
    """Give how many rows a step reads at once, and the share of them that is labelled."""
    rows = data.rows((0, 0))
    in_batch = -(-len(rows.images) // (count_training_batches(rows, data.batch_size, world)))
    return min(in_batch, stack.micro_batch or in_batch), rows.num_labelled / len(rows.images)


def _front(data: SemiSupervisedDataModule, schedule: LayerSchedule, passed: Sequence[int]) -> int:
    views = schedule.fronts.views
    longest = max((moment.visit.end for moment in schedule.timetable(len(passed))), default=1)
    kept = 1 if views == "fresh" or data.augmentation is None else min(views, longest)
    training, validation = len(data.rows((0, 0)).images), len(data.validation_view())
    return front_bytes(passed, training) * kept + front_bytes(passed, validation)


def _optimizer_state(stack: LayerStack, turns: Sequence[Turn], schedule: LayerSchedule) -> int:
    """Give the most that the optimizer remembers at once: of layers that train, and that will train again."""
    optimizer = stack.configure_optimizers()
    numbers = STATES.get(type(optimizer), 1 if optimizer.defaults.get("momentum", True) else 0)
    sizes = [numbers * sum(parameter.nbytes for parameter in part.parameters()) for part in stack.layers]
    if any(isinstance(turn, Together) for turn in turns):
        return sum(sizes)
    resting = {"same": 1.0, "bf16": 0.5, "host": 1.0}[schedule.resting_state]
    wake_again = {turn for turn in turns if turns.count(turn) > 1}
    active = max((sizes[turn] for turn in set(turns) if isinstance(turn, int)), default=0)
    again = sum(sizes[turn] * resting for turn in wake_again if isinstance(turn, int))
    return int(max(active, again + (active if not wake_again else active * (1 - resting))))


class _Sketch:
    """A copy of a network that shares its weights, to be run with a few rows."""

    def __init__(self, stack: LayerStack, shape: tuple[int, ...], share: float, half: bool) -> None:
        memo: dict[int, object] = {id(tensor): tensor.clone() for tensor in stack.buffers()}
        memo |= {id(weight): nn.Parameter(weight.detach(), weight.requires_grad) for weight in stack.parameters()}
        memo[id(stack._trainer)] = stack._trainer  # an earlier fit's
        self._stack, self._shape, self._share, self._half = copy.deepcopy(stack, memo), shape, share, half

    def steps(self, turns: Collection[Turn], rest: Collection[int]) -> tuple[dict[str, RowBytes], list[int]]:
        """Give what each layer's step takes, and the bytes of a row as it enters each layer."""
        stack, found = self._stack, dict[str, RowBytes]()
        with torch.random.fork_rng(devices=[]):
            inputs = {rows: self._images(rows) for rows in (FEW, 2 * FEW)}
            entries = [inputs[FEW][:1].nbytes]
            if Together.BACKPROP in turns:
                stack.activate(Together.BACKPROP)
                found[ALL] = row_bytes(partial(self._step, None, inputs, inputs))
            own = [stack.learners_of(turn, rest) for turn in turns if turn is not Together.BACKPROP]
            learners, images = {layer for layers in own for layer in layers}, dict(inputs)
            for layer in range(max(learners, default=-1) + 1):
                if layer in learners:
                    stack.activate(layer)
                    found[stack.names[layer]] = row_bytes(partial(self._step, layer, inputs, images))
                stack.layers[layer].eval()
                inputs = {rows: climb(some, [stack.layers[layer]], self._precision) for rows, some in inputs.items()}
                entries.append(inputs[FEW][:1].nbytes)
        return found, entries

    def evaluation(self) -> RowBytes:
        """Give what rows take on their way through the whole network, every layer heard."""
        return row_bytes(self._pass)

    def gradients_beside(self, turns: Collection[Turn], rest: Collection[int]) -> dict[str, int]:
        """Give the gradients that are there beside a layer's own, where all layers learn from each batch."""
        if Together.SIMULTANEOUS not in turns:
            return {}
        learners = self._stack.learners_of(Together.SIMULTANEOUS, rest)
        sizes = {layer: sum(weight.nbytes for weight in self._stack.layers[layer].parameters()) for layer in learners}
        return {self._stack.names[layer]: sum(sizes.values()) - size for layer, size in sizes.items()}

    def _step(
        self, layer: int | None, inputs: Mapping[int, Tensor], images: Mapping[int, Tensor], rows: int
    ) -> LiveBytes:
        labels = torch.zeros(min(rows, max(2, round(rows * self._share))), dtype=torch.int64)
        with LiveBytes([*self._stack.parameters(), *self._stack.buffers(), inputs[rows], labels]) as live:
            read = inputs[rows].clone()
            with self._precision():
                if layer is None:
                    step = self._stack.end_to_end_step(read, labels)
                else:
                    step = self._stack.part(layer).local_step(read, labels, images=images[rows])
            step.losses.total.backward()
            del step, read
        self._stack.zero_grad(set_to_none=True)
        return live

    def _pass(self, rows: int) -> LiveBytes:
        inputs = self._images(rows)
        self._stack.eval()
        known = [*self._stack.parameters(), *self._stack.buffers(), inputs]
        with torch.no_grad(), LiveBytes(known) as live, self._precision():
            for number in range(len(self._stack.layers)):
                _, inputs = self._stack.part(number).pass_on(inputs)
        return live

    def _images(self, rows: int) -> Tensor:
        return as_inputs(torch.full((rows, *self._shape), 0.5))

    def _precision(self) -> AbstractContextManager[None]:
        return torch.autocast("cpu", torch.bfloat16, enabled=self._half)
