import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lwtrain.data.index_batches import (
    Rows,
    count_batches,
    count_training_batches,
    lay_rows,
    shuffled_batches,
)
from lwtrain.data.row_count import BATCHES, Batches, row_counts
from lwtrain.seeds import generator_for

SEEDS = st.integers(0, 2**32 - 1)
SHARES = st.floats(0.02, 0.98)
SIZES = st.tuples(st.integers(1, 60), st.integers(0, 60))  # labelled, unlabelled


def images(num_labelled: int, num_unlabelled: int) -> tuple[Tensor, Tensor]:
    """Numbers of labelled images (even) and of unlabelled ones (odd)."""
    return 2 * torch.arange(num_labelled), 2 * torch.arange(num_unlabelled) + 1


def repetitions(laid: Tensor, expected: Tensor) -> list[int]:
    assert set(laid.tolist()) <= set(expected.tolist())
    return [int((laid == image).sum()) for image in expected]


@settings(deadline=None)
@given(SIZES, st.sampled_from(BATCHES) | SHARES, SEEDS)
def test_labelled_images_fill_the_first_rows(sizes: tuple[int, int], batches: Batches, seed: int) -> None:
    rows = lay_rows(*images(*sizes), batches, generator_for(seed))
    assert (rows.images[: rows.num_labelled] % 2 == 0).all()
    assert (rows.images[rows.num_labelled :] % 2 == 1).all()


@settings(deadline=None)
@given(SIZES, SEEDS)
def test_half_repeats_the_fewer_evenly_until_they_keep_up(sizes: tuple[int, int], seed: int) -> None:
    labelled, unlabelled = images(*sizes)
    rows = lay_rows(labelled, unlabelled, "half", generator_for(seed))
    first, rest = rows.images[: rows.num_labelled], rows.images[rows.num_labelled :]
    if not len(unlabelled):
        assert torch.equal(first, labelled)
        return
    assert len(first) == len(rest) == max(sizes)
    for laid, all_of_them in ((first, labelled), (rest, unlabelled)):
        times = repetitions(laid, all_of_them)
        assert max(times) - min(times) <= 1
        assert min(times) >= 1


@settings(deadline=None)
@given(SIZES, st.sampled_from(BATCHES) | SHARES, st.floats(0, 1), SEEDS)
def test_each_batch_has_its_share_of_rows_with_believed_labels(
    sizes: tuple[int, int], batches: Batches, share: float, seed: int
) -> None:
    rows = lay_rows(*images(*sizes), batches, generator_for(seed))
    believed = torch.rand(len(rows.images), generator=generator_for(seed)) < share
    num_batches = count_training_batches(rows, batch_size=16)
    dealt = shuffled_batches(rows, num_batches, generator_for(seed), believed)
    others = [places[labelled:] for places, labelled in dealt]
    counts = [int(believed[places].sum()) for places in others]
    expected = [len(places) * believed[rows.num_labelled :].float().mean().nan_to_num() for places in others]
    assert all(abs(count - wanted) <= 1.001 for count, wanted in zip(counts, expected, strict=True))
    assert sorted(torch.cat([places for places, _ in dealt]).tolist()) == list(range(len(rows.images)))


@settings(deadline=None)
@given(SIZES, st.booleans(), SEEDS)
def test_where_all_are_alike_the_order_stays(sizes: tuple[int, int], believed: bool, seed: int) -> None:
    rows = lay_rows(*images(*sizes), "proportional", generator_for(seed))
    plain, marked = (
        torch.cat([places for places, _ in shuffled_batches(rows, 2, generator_for(seed), mark)])
        for mark in (None, torch.full((len(rows.images),), believed))
    )
    assert torch.equal(plain, marked)


@settings(deadline=None)
@given(SIZES, SHARES, SEEDS)
def test_a_share_of_the_rows_is_labelled_and_no_image_is_left_out(
    sizes: tuple[int, int], share: float, seed: int
) -> None:
    labelled, unlabelled = images(*sizes)
    rows = lay_rows(labelled, unlabelled, share, generator_for(seed))
    first, rest = rows.images[: rows.num_labelled], rows.images[rows.num_labelled :]
    for laid, all_of_them in ((first, labelled), (rest, unlabelled)):
        times = repetitions(laid, all_of_them)
        assert max(times, default=1) - min(times, default=1) <= 1
        assert min(times, default=1) >= 1
    if len(unlabelled):
        assert len(first) == len(labelled) or len(rest) == len(unlabelled)  # only the fewer are repeated
        wanted = share * len(rows.images)  # one row more or less of the fewer moves either side of this by less than 1
        assert abs(len(first) - wanted) <= 1


@settings(deadline=None)
@given(SIZES, SEEDS)
def test_half_is_the_share_of_one_half(sizes: tuple[int, int], seed: int) -> None:
    by_word, by_share = (lay_rows(*images(*sizes), batches, generator_for(seed)) for batches in ("half", 0.5))
    assert torch.equal(by_word.images, by_share.images)
    assert row_counts(*sizes, "half") == row_counts(*sizes, 0.5)


@settings(deadline=None)
@given(SIZES, SEEDS)
def test_proportional_has_every_image_once(sizes: tuple[int, int], seed: int) -> None:
    labelled, unlabelled = images(*sizes)
    rows = lay_rows(labelled, unlabelled, "proportional", generator_for(seed))
    assert rows.num_labelled == len(labelled)
    assert torch.equal(rows.images.sort().values, torch.cat([labelled, unlabelled]).sort().values)


@settings(deadline=None)
@given(SIZES, SEEDS)
def test_labelled_leaves_the_others_out(sizes: tuple[int, int], seed: int) -> None:
    labelled, unlabelled = images(*sizes)
    rows = lay_rows(labelled, unlabelled, "labelled", generator_for(seed))
    assert torch.equal(rows.images, labelled)
    assert rows.num_labelled == len(labelled)


def test_the_images_of_the_last_incomplete_round_change() -> None:
    labelled, unlabelled = images(10, 15)
    rounds = [lay_rows(labelled, unlabelled, "half", generator_for(seed)).images[10:15] for seed in range(20)]
    assert len({tuple(sorted(extra.tolist())) for extra in rounds}) > 10


@settings(deadline=None)
@given(SIZES, st.integers(2, 20), SEEDS)
def test_every_row_is_dealt_out_exactly_once(sizes: tuple[int, int], batch_size: int, seed: int) -> None:
    rows = Rows(torch.arange(sum(sizes)), sizes[0])
    batches = shuffled_batches(rows, count_batches(sum(sizes), batch_size), generator_for(seed))
    dealt = torch.cat([places for places, _ in batches])
    assert torch.equal(dealt.sort().values, torch.arange(sum(sizes)))


@settings(deadline=None)
@given(SIZES, st.integers(2, 20), SEEDS)
def test_labelled_rows_come_first_in_a_batch_and_are_spread_evenly(
    sizes: tuple[int, int], batch_size: int, seed: int
) -> None:
    rows = Rows(torch.arange(sum(sizes)), sizes[0])
    batches = shuffled_batches(rows, count_batches(sum(sizes), batch_size), generator_for(seed))
    for places, labelled in batches:
        assert (places[:labelled] < sizes[0]).all()
        assert (places[labelled:] >= sizes[0]).all()
    shares = [labelled for _, labelled in batches]
    lengths = [len(places) for places, _ in batches]
    assert max(shares) - min(shares) <= 1
    assert max(lengths) - min(lengths) <= 2


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 20), SEEDS)
def test_half_batches_are_half_labelled_and_keep_to_their_size(number: int, half: int, seed: int) -> None:
    rows = Rows(torch.arange(2 * number), number)
    for places, labelled in shuffled_batches(rows, count_training_batches(rows, 2 * half), generator_for(seed)):
        assert 2 * labelled == len(places) <= 2 * half


@pytest.mark.parametrize(("sizes", "batch_size"), [((4000, 41000), 128), ((5, 5), 5), ((3, 7), 5)])
def test_batches_keep_to_their_size(sizes: tuple[int, int], batch_size: int) -> None:
    rows = Rows(torch.arange(sum(sizes)), sizes[0])
    batches = shuffled_batches(rows, count_training_batches(rows, batch_size), generator_for(0))
    assert max(len(places) for places, _ in batches) <= batch_size


@settings(deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 1000))
def test_as_few_batches_are_made_as_the_size_allows(num_rows: int, batch_size: int) -> None:
    number = count_batches(num_rows, batch_size)
    assert (number - 1) * batch_size < num_rows <= number * batch_size


def test_a_generator_fixes_the_order_and_another_changes_it() -> None:
    rows = Rows(torch.arange(40), 20)
    one, same, other = (
        torch.cat([places for places, _ in shuffled_batches(rows, 4, generator_for(seed))]) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
