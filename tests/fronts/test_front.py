"""What every front gives, and what those that keep activations keep."""

from collections.abc import Callable

import pytest
import torch
from small_fronts import FRONTS, HELD, ROWS, climb, count_rows, epoch, half, plain, view
from tiny import differing, tensors
from torch import nn

from lwtrain.fronts.front import Front
from lwtrain.fronts.recompute import RecomputeFront

every_front = pytest.mark.parametrize("make", FRONTS.values(), ids=FRONTS.keys())
every_held_front = pytest.mark.parametrize("make", HELD.values(), ids=HELD.keys())
Make = Callable[..., Front]


@every_front
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_front_gives_what_enters_its_layer(make: Make, layer: int, layers: list[nn.Module]) -> None:
    front, shown = make(layers, plain), view()
    front.advance(layer, shown)
    assert front.layer == layer
    assert not front[ROWS].requires_grad
    torch.testing.assert_close(front[ROWS], climb(layers[:layer], shown[ROWS]))


@every_held_front
@pytest.mark.parametrize("precision", [plain, half])
@pytest.mark.parametrize("upward", [[0, 1, 2], [1, 2], [0, 2], [2]])
def test_all_fronts_give_the_same(make: Make, precision: object, upward: list[int], layers: list[nn.Module]) -> None:
    """Bitwise in bfloat16. In float32 some CPUs (AVX2 alone) convolve few rows in another order than many."""
    front, recompute = make(layers, precision), RecomputeFront(layers, precision)
    for wave in range(2):
        shown = view(wave)
        for layer in upward:
            front.advance(layer, shown)
            recompute.advance(layer, shown)
            for rows in (ROWS, ROWS[:1], torch.arange(300)):
                exactly = {"rtol": 0, "atol": 0} if precision is half else {}
                torch.testing.assert_close(front[rows], recompute[rows], **exactly)
                assert front[rows].dtype == recompute[rows].dtype
                assert front[rows].stride() == recompute[rows].stride()


@every_held_front
def test_gray_images_are_laid_out_alike_in_all_fronts(make: Make) -> None:
    layers: list[nn.Module] = [nn.Conv2d(1, 1, 3).eval(), nn.Conv2d(1, 4, 6).eval(), nn.Flatten()]
    shown = view(channels=1)
    front = make(layers, plain, shown) if make is HELD["disk"] else make(layers, plain)
    recompute = RecomputeFront(layers, plain)
    for layer in range(3):
        front.advance(layer, shown)
        recompute.advance(layer, shown)
        assert front[ROWS].stride() == recompute[ROWS].stride()
        assert torch.equal(front[ROWS], recompute[ROWS])


@every_held_front
def test_half_precision_is_kept_as_it_comes_out(make: Make, layers: list[nn.Module]) -> None:
    front = make(layers, half)
    front.advance(1, view())
    assert front[ROWS].dtype == torch.bfloat16


@every_held_front
def test_from_a_views_start_to_its_end_each_layer_runs_once_over_each_row(make: Make, layers: list[nn.Module]) -> None:
    front, shown = make(layers, plain), view()
    rows = count_rows(layers)
    for layer in (0, 0, 1, 1, 2):
        front.advance(layer, shown)
        assert [len(part) for part in epoch(front, list(torch.randperm(300).split(128)))] == [128, 128, 44]
    assert rows == [300, 300, 0]


@every_held_front
def test_a_climb_from_the_images_runs_each_layer_once_over_each_row(make: Make, layers: list[nn.Module]) -> None:
    front = make(layers, plain)
    rows = count_rows(layers)
    front.advance(2, view(0))
    front.advance(2, view(1))
    assert rows == [600, 600, 0]


@every_held_front
def test_going_back_to_a_lower_layer_reads_nothing_stale(make: Make, layers: list[nn.Module]) -> None:
    front, fresh, shown = make(layers, plain), RecomputeFront(layers, plain), view()
    front.advance(2, shown)
    with torch.no_grad():
        for parameter in layers[0].parameters():
            parameter.add_(0.1)
    for layer in (0, 1, 2):
        front.advance(layer, shown)
        fresh.advance(layer, shown)
        assert torch.equal(front[ROWS], fresh[ROWS])


@every_held_front
def test_what_a_layer_made_is_forgotten_when_it_trains(make: Make, layers: list[nn.Module]) -> None:
    front, fresh, shown = make(layers, plain), RecomputeFront(layers, plain), view()
    front.advance(2, shown)
    before = front[ROWS]
    front.forget(1)
    with torch.no_grad():
        for parameter in layers[1].parameters():
            parameter.add_(0.1)
    for each in (front, fresh):
        each.advance(2, shown)
    assert torch.equal(front[ROWS], fresh[ROWS])
    assert not torch.equal(front[ROWS], before)


@every_held_front
def test_going_on_to_another_view_reads_nothing_stale(make: Make, layers: list[nn.Module]) -> None:
    front, fresh = make(layers, plain), RecomputeFront(layers, plain)
    front.advance(1, view(0))
    other = view(1)
    for layer in (1, 2):
        front.advance(layer, other)
        fresh.advance(layer, other)
        assert torch.equal(front[ROWS], fresh[ROWS])


@every_front
def test_layers_that_pass_activations_on_do_not_move(make: Make, layers: list[nn.Module]) -> None:
    before = [tensors(layer) for layer in layers]
    front = make(layers, plain)
    front.advance(2, view())
    assert len(front[ROWS]) == len(ROWS)
    assert [differing(tensors(layer), old) for layer, old in zip(layers, before, strict=True)] == [[], [], []]


@every_held_front
def test_a_layer_that_does_not_rest_may_not_pass_activations_on(make: Make, layers: list[nn.Module]) -> None:
    front, recompute = make(layers, plain), RecomputeFront(layers, plain)
    layers[0].train()
    with pytest.raises(AssertionError, match="must rest"):
        front.advance(1, view())
    recompute.advance(1, view())
    with pytest.raises(AssertionError, match="must rest"):
        recompute[ROWS]


@every_front
def test_a_cleared_front_stands_at_the_images_again(make: Make, layers: list[nn.Module]) -> None:
    front, shown = make(layers, plain), view()
    front.advance(2, shown)
    front.clear()
    assert front.layer == 0
    front.advance(0, shown)
    torch.testing.assert_close(front[ROWS], shown[ROWS] / 255)


# What is handed on


@every_held_front
@pytest.mark.parametrize("order", [torch.arange(300), torch.randperm(300, generator=torch.Generator().manual_seed(0))])
def test_what_is_handed_on_is_not_made_again(make: Make, order: torch.Tensor, layers: list[nn.Module]) -> None:
    front, rolled, shown = make(layers, plain), make(layers, plain), view()
    front.advance(0, shown)
    with torch.no_grad():
        for rows in order.split(256):
            front.hand_on(rows, layers[0](front[rows]))
    passed = count_rows(layers)
    front.advance(1, shown)
    assert passed == [0, 0, 0]
    rolled.advance(1, shown)
    assert torch.equal(front[ROWS], rolled[ROWS])


@every_held_front
@pytest.mark.parametrize("reason", ["it trains again", "rows are missing"])
def test_what_is_handed_on_in_part_or_too_early_is_not_used(make: Make, layers: list[nn.Module], reason: str) -> None:
    front, fresh, shown = make(layers, plain), RecomputeFront(layers, plain), view()
    front.advance(0, shown)
    rows = torch.arange(len(shown) if reason == "it trains again" else 5)
    front.hand_on(rows, torch.full_like(layers[0](front[rows]), 99.0))
    if reason == "it trains again":
        front.forget(0)
    front.advance(1, shown)
    fresh.advance(1, shown)
    assert torch.equal(front[ROWS], fresh[ROWS])


@every_held_front
def test_a_layer_is_handed_on_to_and_hands_on_in_turn(make: Make, layers: list[nn.Module]) -> None:
    front, fresh, shown = make(layers, plain), RecomputeFront(layers, plain), view()
    for layer in (0, 1, 2):
        front.advance(layer, shown)
        fresh.advance(layer, shown)
        assert torch.equal(front[ROWS], fresh[ROWS])
        with torch.no_grad():
            for rows in torch.arange(300).split(100):
                front.hand_on(rows, layers[layer](front[rows]))  # the head's is nobody's to read
