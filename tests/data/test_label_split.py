import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lwtrain.data.dataset_info import equally_many
from lwtrain.data.label_count import kept_per_class, num_labelled
from lwtrain.data.label_split import hold_out, split_labels, stratified_subset
from lwtrain.seeds import generator_for

CLASSES = 4
LABELS = st.lists(st.integers(0, CLASSES - 1), min_size=40, max_size=120).map(torch.tensor)
SEEDS = st.integers(0, 2**32 - 1)


def counts(labels: Tensor) -> list[int]:
    return torch.bincount(labels, minlength=CLASSES).tolist()


@settings(deadline=None)
@given(LABELS, SEEDS, st.data())
def test_a_subset_has_the_numbers_asked_for_and_nothing_twice(labels: Tensor, seed: int, data: st.DataObject) -> None:
    wanted = [data.draw(st.integers(0, count)) for count in counts(labels)]
    chosen = stratified_subset(labels, wanted, generator_for(seed))
    assert counts(labels[chosen]) == wanted
    assert torch.equal(chosen, chosen.unique())  # ascending, each once


@settings(deadline=None)
@given(LABELS, SEEDS)
def test_a_seed_fixes_the_subset(labels: Tensor, seed: int) -> None:
    wanted = [count // 2 for count in counts(labels)]
    chosen = [stratified_subset(labels, wanted, generator_for(seed)) for _ in range(2)]
    assert torch.equal(*chosen)


def test_other_seeds_choose_other_images() -> None:
    labels = torch.arange(400) % CLASSES
    one, other = (stratified_subset(labels, [50] * CLASSES, generator_for(seed)) for seed in (0, 1))
    assert not torch.equal(one, other)


def test_every_image_has_its_chance() -> None:
    labels = torch.arange(40) % CLASSES
    chosen = [stratified_subset(labels, [5] * CLASSES, generator_for(seed)) for seed in range(200)]
    times = torch.bincount(torch.cat(chosen), minlength=40)
    assert times.min() > 60  # of 200, at one chance in two: 60 lies 5.6 standard deviations below the mean
    assert times.max() < 140


def test_a_class_cannot_give_more_than_it_has() -> None:
    labels = torch.arange(50) % CLASSES  # 13, 13, 12, 12
    with pytest.raises(ValueError, match=r"^labels=52: class 2 has only 12 images; choose 48 or less, or all$"):
        stratified_subset(labels, [13] * CLASSES, generator_for(0))
    assert len(stratified_subset(labels, [12] * CLASSES, generator_for(0))) == 48


@settings(deadline=None)
@given(LABELS, SEEDS, st.floats(0.2, 0.8))
def test_images_are_held_out_or_kept_and_never_both(labels: Tensor, seed: int, fraction: float) -> None:
    kept, held_out = hold_out(labels, fraction, generator_for(seed))
    assert torch.equal(torch.cat([kept, held_out]).sort().values, torch.arange(len(labels)))
    assert counts(labels[held_out]) == [round(fraction * count) for count in counts(labels)]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 1.5, 0.01, 0.99])
def test_a_side_without_images_is_refused(fraction: float) -> None:
    with pytest.raises(ValueError, match=f"^validation={fraction}: choose a share between 0 and 1"):
        hold_out(torch.arange(40) % CLASSES, fraction, generator_for(0))


@settings(deadline=None)
@given(st.floats(0.001, 0.999), st.integers(10, 10**6), st.integers(2, 100))
def test_a_share_is_rounded_down_to_equal_numbers_per_class(share: float, num_images: int, num_classes: int) -> None:
    sizes = equally_many(num_images, num_classes)
    if int(share * num_images) < num_classes:
        with pytest.raises(ValueError, match="choose at least one image for each"):
            num_labelled(share, sizes)
    else:
        number = num_labelled(share, sizes)
        assert number % num_classes == 0
        assert share * num_images - num_classes - 1 < number <= share * num_images


def test_all_labels_need_not_be_equal_per_class() -> None:
    assert num_labelled("all", [13, *[10] * 9]) == num_labelled(103, [13, *[10] * 9]) == 103


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("half", "labels=half: choose all, a number of images or a share between 0 and 1"),
        (9, "labels=9: choose at least one image for each of the 10 classes"),
        (101, "labels=101: there are 100 training images; choose at most that, or all"),
        (55, "labels=55: choose a multiple of the 10 classes"),
        (20.5, "labels=20.5: choose all, a whole number of images or a share between 0 and 1"),
    ],
)
def test_labels_that_cannot_be_had_are_refused(setting: float | str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        num_labelled(setting, [10] * 10)


def test_classes_of_unequal_size_give_as_many_labels_each() -> None:
    labels = torch.tensor([0] * 60 + [1] * 20)
    split = split_labels(labels, 30, 0.1, seed=0)
    assert torch.bincount(labels[split.labelled]).tolist() == [15, 15]
    assert torch.bincount(labels[split.held_out]).tolist() == [6, 2]
    assert torch.bincount(labels[split.unlabelled]).tolist() == [39, 3]


def test_the_smallest_class_limits_the_labels() -> None:
    for setting in (38, 0.6):
        with pytest.raises(ValueError, match=f"^labels={setting}: class dog has only 18 images; choose 36 or less"):
            num_labelled(setting, [54, 18], ["cat", "dog"])
    with pytest.raises(ValueError, match=r"^labels=38: class 1 has only 18 images; choose 36 or less, or all$"):
        split_labels(torch.tensor([0] * 60 + [1] * 20), 38, 0.1, seed=0)


@settings(deadline=None)
@given(LABELS, SEEDS, st.floats(0.2, 0.8))
def test_as_many_are_kept_of_each_class_as_is_foretold(labels: Tensor, seed: int, fraction: float) -> None:
    kept, _ = hold_out(labels, fraction, generator_for(seed))
    left = counts(labels[kept])
    if any(size and not some for size, some in zip(counts(labels), left, strict=True)):
        with pytest.raises(ValueError, match="leaves none to train on of a class of"):
            kept_per_class(counts(labels), fraction)
    else:
        assert kept_per_class(counts(labels), fraction) == left


@pytest.mark.parametrize("keep", ["all", 8])
def test_images_without_a_label_are_never_labelled_and_never_held_out(keep: int | str) -> None:
    known = torch.arange(40) % CLASSES
    labels = torch.stack([torch.full((40,), -1), known], dim=1).flatten()  # every other one is unknown
    split = split_labels(labels, keep, 0.25, seed=0)
    alone = split_labels(known, keep, 0.25, seed=0)
    assert torch.equal(split.labelled, 2 * alone.labelled + 1)
    assert torch.equal(split.held_out, 2 * alone.held_out + 1)
    assert set(split.unlabelled.tolist()) == {*range(0, 80, 2), *(2 * alone.unlabelled + 1).tolist()}
    assert torch.equal(split.unlabelled, split.unlabelled.sort().values)
