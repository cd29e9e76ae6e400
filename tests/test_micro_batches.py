import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from saved_bytes import SavedBytes
from tiny import CLASSES, SHAPE, differing, fit, tensors, tiny_backbone, tiny_data, tiny_stack
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.backbones.backbone import Backbone
from lwtrain.building import build_stack
from lwtrain.data.index_batches import RowBatch
from lwtrain.layer import HorizontalLayer
from lwtrain.micro_batches import micro_batches, shares
from lwtrain.optimizers import OptimizerFactory
from lwtrain.stack import LayerStack

SCHEDULES = [WaveSchedule(1, waves=1), SimultaneousSchedule(1), BackpropSchedule(1)]


def row_batch(num_rows: int, num_labelled: int) -> RowBatch:
    return RowBatch(torch.arange(num_rows), torch.arange(num_labelled) + 100)


@given(num_rows=st.integers(2, 200), labelled=st.floats(0, 1), most=st.integers(2, 64))
def test_slices_hold_every_row_once_and_the_labelled_ones_first(num_rows: int, labelled: float, most: int) -> None:
    batch = row_batch(num_rows, round(labelled * num_rows))
    slices = micro_batches(batch, most)
    assert torch.cat([piece.rows for piece in slices]).sort().values.tolist() == list(range(num_rows))
    for rows, labels, _ in slices:
        assert (labels == rows[: len(labels)] + 100).all()
        assert (rows[len(labels) :] >= len(batch.labels)).all()
        assert len(rows) >= 2
    assert sum(shares(slices)) == pytest.approx(1)


@given(num_rows=st.integers(2, 200), most=st.integers(2, 64))
def test_slices_are_no_larger_than_asked_and_nearly_equal(num_rows: int, most: int) -> None:
    for num_labelled in (num_rows, num_rows // 2):
        sizes = [len(piece.rows) for piece in micro_batches(row_batch(num_rows, num_labelled), most)]
        assert max(sizes) <= max(most, 3)  # of three rows none can be alone
        assert max(sizes) - min(sizes) <= 1


def test_a_labelled_row_is_in_every_slice_where_there_are_any() -> None:
    slices = micro_batches(row_batch(64, 3), most=8)
    assert [len(piece.labels) for piece in slices] == [1, 1, 1]


def test_images_are_cut_like_rows() -> None:
    images, labels = torch.arange(6.0)[:, None], torch.tensor([0, 1])
    slices = micro_batches((images, labels), most=3)
    assert [(part.flatten().tolist(), own.tolist()) for part, own in slices] == [([0, 4, 5], [0]), ([1, 2, 3], [1])]


def without_norm(micro_batch: int | None) -> LayerStack:
    """A stack in which rows do not know of each other: no batch norm, no dropout."""
    torch.manual_seed(0)
    layers = [
        nn.Sequential(nn.Conv2d(SHAPE[0], 4, 3, padding=1), nn.ReLU()),
        nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.ReLU()),
    ]
    head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 4 * 4, CLASSES))
    backbone = Backbone("tiny", SHAPE, CLASSES, layers, [nn.MaxPool2d(2), nn.Identity()], head)
    optimizer = OptimizerFactory("sgd", lr=0.05, settings={"momentum": 0.9})
    return build_stack(backbone, encoder="pool", optimizer=optimizer, micro_batch=micro_batch)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
@pytest.mark.parametrize("labels", ["all", 12])
def test_slices_teach_what_the_batch_teaches(schedule: LayerSchedule, labels: str | int) -> None:
    def trained(micro_batch: int | None) -> dict[str, Tensor]:
        return tensors(fit(schedule, without_norm(micro_batch), tiny_data(labels=labels)).layers)

    whole, sliced = trained(None), trained(4)
    assert differing(whole, tensors(without_norm(None).layers))
    for name in whole:
        torch.testing.assert_close(sliced[name], whole[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_figures_are_those_of_the_batch(schedule: LayerSchedule) -> None:
    whole, sliced = (fit(schedule, without_norm(size), tiny_data(labels="all")).figures for size in (None, 4))
    assert whole.keys() == sliced.keys()
    for tag in whole:
        assert sliced[tag] == pytest.approx(whole[tag], rel=1e-3), tag


def test_batch_norm_sees_one_slice_at_a_time() -> None:
    stack, seen = tiny_stack(), []
    stack.micro_batch = 4
    first = stack.layers[0]
    assert isinstance(first, HorizontalLayer)
    first.layer[1].register_forward_pre_hook(
        lambda norm, inputs: seen.append(len(inputs[0])) if norm.training else None
    )
    fit(WaveSchedule(1, waves=1), stack)
    assert seen == [4, 4, 4] * 4


def test_less_is_kept_for_backward() -> None:
    def peak(micro_batch: int | None) -> int:
        counter = SavedBytes()
        with counter.watch():
            fit(BackpropSchedule(1), without_norm(micro_batch), tiny_data(labels="all"))
        return counter.peak

    weights = sum(parameter.nbytes for parameter in without_norm(None).parameters())
    assert peak(4) < peak(None) / 3 + weights


@pytest.mark.parametrize("schedule", [WaveSchedule(1, waves=1), SimultaneousSchedule(1)])
def test_rows_that_are_compared_are_not_taken_apart(schedule: LayerSchedule) -> None:
    stack = build_stack(tiny_backbone(), encoder="pool", encoder_settings={"grid": 2}, objective="hsic", micro_batch=4)
    with pytest.raises(ValueError, match=r"^micro_batch=4: the layers' losses compare the rows of a batch, .*; choose"):
        fit(schedule, stack)


def test_where_nothing_is_compared_a_batch_may_be_sliced_whatever_the_objective() -> None:
    stack = build_stack(tiny_backbone(), encoder="pool", encoder_settings={"grid": 2}, objective="hsic", micro_batch=4)
    fit(BackpropSchedule(1), stack)
    stack.micro_batch = 12  # no batch is larger
    fit(WaveSchedule(1, waves=1), stack)
