from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from tiny import differing, tensors, tiny_stack
from torch import Tensor, nn

from lwtrain.data.augmentation import preset
from lwtrain.data.view import View
from lwtrain.front import MemoryFront, RecomputeFront
from lwtrain.seeds import generator_for

FRONTS = (MemoryFront, RecomputeFront)
ROWS = torch.tensor([299, 3, 0, 256, 255, 3])


def plain() -> AbstractContextManager[None]:
    return nullcontext()


def half() -> AbstractContextManager[None]:
    return torch.autocast("cpu", torch.bfloat16)


@pytest.fixture
def layers() -> list[nn.Module]:
    """The three parts of a tiny stack at rest, with statistics and weights that are not the initial ones."""
    stack = tiny_stack()
    stack.layers[0](torch.rand(64, 3, 8, 8))
    return list(stack.eval().layers)


def view(seed: int = 0, num_rows: int = 300) -> View:
    """More rows than the front computes at once."""
    generator = generator_for(seed)
    images = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8, generator=generator)
    augmentation = preset("heavy_10")
    rows = torch.randint(0, 50, (num_rows,), generator=generator)
    return View(images, rows, augmentation, augmentation.draw(num_rows, generator))


def climb(layers: list[nn.Module], images: Tensor) -> Tensor:
    inputs = images / 255
    with torch.no_grad():
        for layer in layers:
            inputs = layer(inputs)
    return inputs


@pytest.mark.parametrize("front_class", FRONTS)
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_front_gives_what_enters_its_layer(
    front_class: type[MemoryFront | RecomputeFront], layer: int, layers: list[nn.Module]
) -> None:
    front, shown = front_class(layers, plain), view()
    front.advance(layer, shown)
    assert front.layer == layer
    assert not front[ROWS].requires_grad
    torch.testing.assert_close(front[ROWS], climb(layers[:layer], shown[ROWS]))


@pytest.mark.parametrize("precision", [plain, half])
def test_both_fronts_give_bitwise_the_same(precision: object, layers: list[nn.Module]) -> None:
    memory, recompute = (front_class(layers, precision) for front_class in FRONTS)
    for wave in range(2):
        shown = view(wave)
        for layer in range(3):
            memory.advance(layer, shown)
            recompute.advance(layer, shown)
            for rows in (ROWS, ROWS[:1], torch.arange(300)):
                assert torch.equal(memory[rows], recompute[rows])
                assert memory[rows].dtype == recompute[rows].dtype


def test_half_precision_is_kept_as_it_comes_out(layers: list[nn.Module]) -> None:
    front = MemoryFront(layers, half)
    front.advance(1, view())
    assert front[ROWS].dtype == torch.bfloat16


def test_from_a_views_start_to_its_end_each_layer_runs_once_over_each_row(layers: list[nn.Module]) -> None:
    rows = [0, 0, 0]
    for number, layer in enumerate(layers):
        layer.register_forward_hook(lambda _, inputs, __, number=number: _count(rows, number, inputs[0]))
    front = MemoryFront(layers, plain)
    shown = view()
    for layer in (0, 0, 1, 1, 2):
        front.advance(layer, shown)
        assert len(front[ROWS]) == len(ROWS)
    assert rows == [300, 300, 0]


def test_going_back_to_a_lower_layer_reads_nothing_stale(layers: list[nn.Module]) -> None:
    front, fresh, shown = MemoryFront(layers, plain), RecomputeFront(layers, plain), view()
    front.advance(2, shown)
    with torch.no_grad():
        for parameter in layers[0].parameters():
            parameter.add_(0.1)
    for layer in (0, 1, 2):
        front.advance(layer, shown)
        fresh.advance(layer, shown)
        assert torch.equal(front[ROWS], fresh[ROWS])


def test_going_on_to_another_view_reads_nothing_stale(layers: list[nn.Module]) -> None:
    front, fresh = MemoryFront(layers, plain), RecomputeFront(layers, plain)
    front.advance(1, view(0))
    other = view(1)
    for layer in (1, 2):
        front.advance(layer, other)
        fresh.advance(layer, other)
        assert torch.equal(front[ROWS], fresh[ROWS])


@pytest.mark.parametrize("front_class", FRONTS)
def test_layers_that_pass_activations_on_do_not_move(
    front_class: type[MemoryFront | RecomputeFront], layers: list[nn.Module]
) -> None:
    before = [tensors(layer) for layer in layers]
    front = front_class(layers, plain)
    front.advance(2, view())
    assert len(front[ROWS]) == len(ROWS)
    assert [differing(tensors(layer), old) for layer, old in zip(layers, before, strict=True)] == [[], [], []]


def test_a_layer_that_does_not_rest_may_not_pass_activations_on(layers: list[nn.Module]) -> None:
    layers[0].train()
    with pytest.raises(AssertionError, match="must rest"):
        MemoryFront(layers, plain).advance(1, view())
    recompute = RecomputeFront(layers, plain)
    recompute.advance(1, view())
    with pytest.raises(AssertionError, match="must rest"):
        recompute[ROWS]


@pytest.mark.parametrize("front_class", FRONTS)
def test_a_cleared_front_stands_at_the_images_again(
    front_class: type[MemoryFront | RecomputeFront], layers: list[nn.Module]
) -> None:
    front, shown = front_class(layers, plain), view()
    front.advance(2, shown)
    front.clear()
    assert front.layer == 0
    front.advance(0, shown)
    torch.testing.assert_close(front[ROWS], shown[ROWS] / 255)


def _count(rows: list[int], number: int, inputs: Tensor) -> None:
    rows[number] += len(inputs)


def test_what_is_handed_on_is_not_made_again(layers: list[nn.Module]) -> None:
    front, rolled, shown = MemoryFront(layers, plain), MemoryFront(layers, plain), view()
    calls = [0]
    front.advance(0, shown)
    with torch.no_grad():
        for rows in torch.arange(len(shown)).split(256):
            front.hand_on(rows, layers[0](front[rows]))
    layers[0].register_forward_hook(lambda *_: calls.__setitem__(0, calls[0] + 1))
    front.advance(1, shown)
    assert calls == [0]
    rolled.advance(1, shown)
    assert torch.equal(front[ROWS], rolled[ROWS])


@pytest.mark.parametrize("reason", ["it trains again", "rows are missing"])
def test_what_is_handed_on_in_part_or_too_early_is_not_used(layers: list[nn.Module], reason: str) -> None:
    front, fresh, shown = MemoryFront(layers, plain), RecomputeFront(layers, plain), view()
    front.advance(0, shown)
    rows = torch.arange(len(shown) if reason == "it trains again" else 5)
    front.hand_on(rows, torch.full_like(layers[0](front[rows]), 99.0))
    if reason == "it trains again":
        front.forget(0)
    front.advance(1, shown)
    fresh.advance(1, shown)
    assert torch.equal(front[ROWS], fresh[ROWS])
