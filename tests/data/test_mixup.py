"""Blended batches: who is paired with whom, what they are learned as, and that nothing else depends on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tape import TapeRecorder
from tiny import CLASSES, differing, fit, tensors, tiny_backbone, tiny_data, tiny_stack
from torch import Tensor

from lwtrain import BackpropSchedule, LayerSchedule, PseudoLabels, SimultaneousSchedule, WaveSchedule
from lwtrain.building import build_stack
from lwtrain.callbacks.captured_steps import CapturedSteps
from lwtrain.data.augmentation import preset
from lwtrain.data.index_batches import RowBatch
from lwtrain.data.mixup import Mixup, blend, blend_labels
from lwtrain.micro_batches import micro_batches
from lwtrain.stack import LayerStack

SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "wave": lambda **settings: WaveSchedule(4, 2, **settings),
    "simultaneous": lambda **settings: SimultaneousSchedule(3, **settings),
    "backprop": lambda **settings: BackpropSchedule(3, **settings),
}


def mixed(schedule: LayerSchedule, stack: LayerStack | None = None, **settings: Any) -> LayerStack:
    data = tiny_data(mixup=Mixup(1.0), augmentation=preset("light"))
    return fit(schedule, stack, data, **settings)


@given(alpha=st.floats(0.05, 20), num_rows=st.integers(0, 40), labelled=st.floats(0, 1))
def test_labelled_rows_are_shuffled_and_keep_the_larger_part(alpha: float, num_rows: int, labelled: float) -> None:
    count = round(labelled * num_rows)
    batch = RowBatch(torch.arange(num_rows), torch.arange(count) + 100)
    rows, labels, own = Mixup(alpha)(batch, 0, "here")
    assert own is not None
    assert rows.sort().values.equal(batch.rows)
    assert labels.equal(rows[:count] + 100)
    assert rows[count:].equal(batch.rows[count:])
    assert len(own) == count
    assert own.dtype == torch.float32
    assert ((own >= 0.5) & (own <= 1)).all()


def test_the_same_place_gives_the_same_draws_and_another_gives_others() -> None:
    batch = RowBatch(torch.arange(20), torch.arange(20))
    one, same, other = (Mixup(1.0)(batch, 0, "mixup", number) for number in (1, 1, 2))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(one, same, strict=True))
    assert not torch.equal(one.rows, other.rows)
    assert not torch.equal(one.own, other.own)


def test_alpha_says_how_much_is_blended() -> None:
    batch = RowBatch(torch.arange(10_000), torch.arange(10_000))
    means = [float(Mixup(alpha)(batch, 0).own.mean()) for alpha in (0.01, 1.0, 100.0)]
    assert means == pytest.approx([1.0, 0.75, 0.53], abs=0.01)  # of one share in two the larger: three quarters


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_pairs_are_blended_and_the_others_stay(dtype: torch.dtype, layout: torch.memory_format) -> None:
    rows = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(0)).to(dtype, memory_format=layout)
    own = torch.tensor([0.9, 0.75, 0.5, 0.6])
    blended = blend(rows, own)
    for place, partner in enumerate([3, 2, 1, 0]):
        expected = own[place] * rows[place].float() + (1 - own[place]) * rows[partner].float()
        torch.testing.assert_close(blended[place].float(), expected, rtol=0, atol=0.01 if dtype.itemsize == 2 else 1e-6)
    assert torch.equal(blended[4], rows[4])
    assert blended.dtype == dtype
    assert blended.is_contiguous(memory_format=layout)


def test_labels_are_blended_as_their_rows_are() -> None:
    labels, own = torch.tensor([2, 0, 1]), torch.tensor([0.7, 0.8, 0.9])
    shares = blend_labels(labels, own, CLASSES)
    assert shares.sum(dim=1).tolist() == pytest.approx([1, 1, 1])
    assert shares[0].tolist() == pytest.approx([0, 0.3, 0.7])
    assert shares[1].tolist() == pytest.approx([1, 0, 0])  # its own partner


def test_alpha_has_to_be_above_0() -> None:
    with pytest.raises(ValueError, match=r"^mixup=0: choose a number above 0$"):
        Mixup(0)


def test_each_slice_has_its_shares() -> None:
    batch = RowBatch(torch.arange(7), torch.arange(4), torch.tensor([0.5, 0.6, 0.7, 0.8]))
    for rows, labels, own in micro_batches(batch, most=3):
        assert own is not None
        assert own.equal(batch.own[labels])  # type: ignore[index]  # they were given
        assert labels.equal(rows[: len(labels)])


class Seen:
    """Remembers what a layer was to learn, and from what."""

    def __init__(self, stack: LayerStack, number: int) -> None:
        self.given: list[tuple[Tensor, Tensor]] = []
        part = stack.part(number)
        step = part.local_step

        def local_step(inputs: Tensor, labels: Tensor, **settings: Any) -> Any:
            if torch.is_grad_enabled():
                self.given.append((inputs.clone(), labels.clone()))
            return step(inputs, labels, **settings)

        part.local_step = local_step  # type: ignore[method-assign]  # to look on


def test_the_lowest_layer_that_trains_reads_what_is_blended_and_those_above_its_outputs() -> None:
    stack = tiny_stack()
    first, second = Seen(stack, 0), Seen(stack, 1)
    mixed(SimultaneousSchedule(1), stack)
    assert all(shares.shape[1] == CLASSES for _, shares in [*first.given, *second.given])
    for (_, below), (_, above) in zip(first.given, second.given, strict=True):
        assert torch.equal(below, above)
    between = torch.cat([shares.max(dim=1).values for _, shares in first.given])
    assert ((between >= 0.5) & (between <= 1)).all()
    assert (between < 0.99).any()


@pytest.mark.parametrize("name", SCHEDULES)
def test_all_fronts_give_bitwise_the_same_weights(name: str) -> None:
    weights = [tensors(mixed(SCHEDULES[name](front=front)).layers) for front in ("memory", "disk", "recompute")]
    plain = tensors(fit(SCHEDULES[name](), data=tiny_data(augmentation=preset("light"))).layers)
    assert differing(weights[0], weights[1]) == differing(weights[0], weights[2]) == []
    assert differing(weights[0], plain)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_run_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    whole = mixed(SCHEDULES[name]())
    mixed(SCHEDULES[name](), folder=tmp_path, max_epochs=2)
    resumed = mixed(SCHEDULES[name](), resume=tmp_path / "last.ckpt")
    assert differing(tensors(whole.layers), tensors(resumed.layers)) == []


@pytest.mark.parametrize("name", SCHEDULES)
def test_captured_steps_learn_the_same(name: str) -> None:
    stack = tiny_stack()
    captured = mixed(SCHEDULES[name](), stack, callbacks=[CapturedSteps(lambda: TapeRecorder(stack))])
    assert differing(tensors(captured.layers), tensors(mixed(SCHEDULES[name]()).layers)) == []


def test_pseudo_labels_are_blended_with_true_ones() -> None:
    schedule, stack = SimultaneousSchedule(3), tiny_stack()
    seen = Seen(stack, 0)
    mixed(schedule, stack, callbacks=[PseudoLabels(schedule, share=1.0, ramp=0.0)])
    assert {len(shares) for _, shares in seen.given} == {6, 12}  # of 12: labelled ones, and in time all


@pytest.mark.parametrize("objective", ["predsim", "hsic"])
def test_rows_that_are_compared_by_their_classes_are_not_blended(objective: str) -> None:
    stack = build_stack(tiny_backbone(), encoder="pool", encoder_settings={"grid": 2}, objective=objective)
    with pytest.raises(ValueError, match=r"^mixup: the layers' losses compare rows by their classes"):
        mixed(WaveSchedule(1, waves=1), stack)
    mixed(BackpropSchedule(1), stack)  # by the head's loss alone


@pytest.mark.parametrize("objective", ["by_task", "by_supervision", "by_task_labelled", "prediction"])
def test_the_other_objectives_learn_from_blended_rows(objective: str) -> None:
    trained = tensors(mixed(WaveSchedule(1, waves=1), tiny_stack(objective=objective)).layers)
    assert differing(trained, tensors(tiny_stack(objective=objective).layers))
    assert all(tensor.isfinite().all() for tensor in trained.values())


def test_images_that_a_loss_asks_for_are_blended_too() -> None:
    stack = build_stack(tiny_backbone(), encoder="infopro", objective="infopro")
    first = stack.part(0)
    step, compared = first.local_step, []

    def local_step(inputs: Tensor, labels: Tensor, images: Tensor | None = None, **settings: Any) -> Any:
        compared.append(images is not None and torch.equal(inputs, images))
        return step(inputs, labels, images=images, **settings)

    first.local_step = local_step  # type: ignore[method-assign]  # to look on
    mixed(SimultaneousSchedule(1), stack)
    assert compared
    assert all(compared)
