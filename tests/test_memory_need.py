from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from tiny import tensors, tiny_data, tiny_stack
from torch import Tensor

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.data.view import as_inputs
from lwtrain.memory_need import ALL, memory_need
from lwtrain.optimizers import OptimizerFactory
from lwtrain.stack import LayerStack


def weights(stack: LayerStack, layer: int) -> int:
    return sum(parameter.nbytes for parameter in stack.layers[layer].parameters())


@contextmanager
def distinct_bytes() -> Iterator[Callable[[], int]]:
    """Counts what autograd saves, each memory once, however many operations save it."""
    held: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield lambda: sum(held.values())


def test_a_step_takes_what_autograd_saves_and_the_gradients() -> None:
    stack, data = tiny_stack(), tiny_data()
    need = memory_need(stack, data, WaveSchedule(1, 1))
    assert need.rows == 12
    images, labels = as_inputs(torch.rand(12, 3, 8, 8)), torch.zeros(6, dtype=torch.int64)
    for layer, name in enumerate(stack.names):
        stack.activate(layer)
        with distinct_bytes() as saved:
            stack.part(layer).local_step(images, labels).losses.total.backward()
        there = sum(tensor.nbytes for tensor in [*stack.layers[layer].parameters(), images])  # at most that is saved
        assert saved() - there < need.steps[name] < 3 * (saved() + there)
        stack.layers[layer].eval()
        images = as_inputs(stack.layers[layer](images).detach())


def test_nothing_changes_by_asking() -> None:
    stack = tiny_stack()
    before, state = tensors(stack), torch.get_rng_state()
    flags = [(parameter.requires_grad, parameter.grad) for parameter in stack.parameters()]
    modes = [module.training for module in stack.modules()]
    memory_need(stack, tiny_data(), SimultaneousSchedule(1))
    assert all(torch.equal(value, before[name]) for name, value in tensors(stack).items())
    assert torch.equal(torch.get_rng_state(), state)
    assert [(parameter.requires_grad, parameter.grad) for parameter in stack.parameters()] == flags
    assert [module.training for module in stack.modules()] == modes


def test_end_to_end_everything_is_held_at_once() -> None:
    stack, data = tiny_stack(), tiny_data()
    layers, whole = (memory_need(stack, data, schedule) for schedule in (WaveSchedule(1, 1), BackpropSchedule(1)))
    assert list(layers.steps) == stack.names
    assert list(whole.steps) == [ALL]
    assert layers.work - layers.optimizer_state == max(*layers.steps.values(), layers.evaluation)


def test_where_all_learn_at_once_the_others_gradients_are_there_too() -> None:
    stack, data = tiny_stack(), tiny_data()
    wave, together = (memory_need(stack, data, schedule) for schedule in (WaveSchedule(1, 1), SimultaneousSchedule(1)))
    others = weights(stack, 1) + weights(stack, 2)
    assert together.steps["layer_0"] == wave.steps["layer_0"] + others


def test_slices_take_less() -> None:
    stack, data = tiny_stack(), tiny_data()
    whole = memory_need(stack, data, WaveSchedule(1, 1))
    stack.micro_batch = 6
    sliced = memory_need(stack, data, WaveSchedule(1, 1))
    assert sliced.rows == 6
    assert sliced.steps["layer_0"] < whole.steps["layer_0"]
    assert sliced.steps["layer_0"] == whole.growth["layer_0"].peak(6)


@pytest.mark.parametrize(
    ("schedule", "optimizer", "held"),
    [
        (SequentialSchedule(1), "adam", lambda sizes: 2 * max(sizes)),  # others are never read again
        (WaveSchedule(2, 2), "adam", lambda sizes: 2 * sum(sizes)),
        (WaveSchedule(2, 2, resting_state="bf16"), "adam", lambda sizes: sum(sizes) + max(sizes)),
        (WaveSchedule(2, 2), "sgd", lambda _: 0),
        (BackpropSchedule(1), "adam", lambda sizes: 2 * sum(sizes)),
    ],
)
def test_the_optimizer_remembers_layers_that_train_again(schedule: LayerSchedule, optimizer: str, held: object) -> None:
    stack = tiny_stack(optimizer=OptimizerFactory(optimizer))
    assert callable(held)
    sizes = [weights(stack, layer) for layer in range(3)]
    assert memory_need(stack, tiny_data(), schedule).optimizer_state == held(sizes)


def test_the_front_holds_what_enters_two_layers() -> None:
    need = memory_need(tiny_stack(), tiny_data(labels="all"), WaveSchedule(1, 1))
    image, first, second = 3 * 8 * 8, 4 * 4 * 4 * 4, 6 * 4 * 4 * 4  # bytes: images as bytes, activations in float32
    assert need.front == (36 + 12) * max(image + first, first + second)
    assert need.images == (48 + 12) * image
