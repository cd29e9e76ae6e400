from typing import Any

import pytest
import torch
from tiny import CLASSES, tiny_data, tiny_images
from torch import Tensor

from lwtrain.data.augmentation import preset
from lwtrain.data.index_batches import RowBatch, labelled_first
from lwtrain.data.label_split import NO_LABEL
from lwtrain.data.load import Split
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.errors import DataError


def epoch_of(data: SemiSupervisedDataModule) -> list[RowBatch]:
    return list(data.train_dataloader())


def places_of(data: SemiSupervisedDataModule) -> Tensor:
    return torch.cat([batch.rows for batch in epoch_of(data)])


def test_labelled_unlabelled_and_held_out_images_share_nothing_and_leave_nothing() -> None:
    data = tiny_data()
    parts = [data.labelled, data.unlabelled, data.held_out]
    assert [len(part) for part in parts] == [12, 24, 12]
    assert torch.equal(torch.cat(parts).sort().values, torch.arange(48))


def test_every_class_has_as_many_labels() -> None:
    data = tiny_data(labels=9)
    for part, number in ((data.labelled, 3), (data.held_out, 4)):
        assert torch.bincount(data.train.labels[part]).tolist() == [number] * CLASSES


@pytest.mark.parametrize("part", ["labelled", "held_out"])
def test_the_seed_fixes_the_split(part: str) -> None:
    torch.manual_seed(1)
    one = tiny_data(seed=5)
    torch.manual_seed(2)  # the global generator has no say
    assert torch.equal(getattr(one, part), getattr(tiny_data(seed=5), part))
    assert not torch.equal(getattr(one, part), getattr(tiny_data(seed=6), part))


@pytest.mark.parametrize(
    "settings", [{}, {"batches": "proportional"}, {"batches": 0.3}, {"labels": "all"}, {"labels": 0.5}]
)
def test_no_image_held_out_is_ever_in_a_training_row(settings: dict[str, Any]) -> None:
    data = tiny_data(**settings)
    for wave in range(3):
        data.turn_to((wave, 0))
        rows = data.rows((wave, 0)).images
        assert not set(rows.tolist()) & set(data.held_out.tolist())
        assert torch.equal(places_of(data).sort().values, torch.arange(len(rows)))


def test_labels_belong_to_the_images_in_the_rows() -> None:
    data = tiny_data()
    for wave in range(2):
        data.turn_to((wave, 0))
        images = data.rows((wave, 0)).images
        for rows, labels, _ in epoch_of(data):
            assert torch.equal(data.train.labels[images[rows[: len(labels)]]], labels)
            assert set(images[rows[: len(labels)]].tolist()) <= set(data.labelled.tolist())
            assert set(images[rows[len(labels) :]].tolist()) <= set(data.unlabelled.tolist())


def test_half_of_every_batch_is_labelled() -> None:
    assert [(len(rows), len(labels)) for rows, labels, _ in epoch_of(tiny_data())] == [(12, 6)] * 4


def test_rows_that_teach_nothing_can_be_left_out() -> None:
    data = tiny_data(idle_rows=False)
    assert [(len(rows), len(labels)) for rows, labels, _ in epoch_of(data)] == [(6, 6)] * 4
    data.pseudo_labels = torch.full((len(data.unlabelled),), NO_LABEL)
    data.pseudo_labels[::3] = 2
    everything = tiny_data()
    everything.pseudo_labels = data.pseudo_labels
    for (rows, labels, _), (all_rows, same, _) in zip(epoch_of(data), epoch_of(everything), strict=True):
        assert torch.equal(labels, same)
        assert torch.equal(rows, all_rows[: len(labels)])
    assert sum(len(rows) for rows, _, _ in epoch_of(data)) == 24 + 8


def test_no_batch_is_left_with_one_row() -> None:
    lone = torch.tensor([-1, 0, -1])
    assert len(labelled_first(torch.arange(3), lone, idle=False).rows) == 3
    assert labelled_first(torch.arange(3), lone + 1, idle=False).rows.tolist() == [0, 1, 2]


def test_a_view_is_fixed_by_the_seed_and_its_place() -> None:
    def pictures(seed: int, view: tuple[int, int]) -> Tensor:
        data = tiny_data(seed=seed, labels="all", validation="test", augmentation=preset("heavy_10"))
        return data.turn_to(view)[torch.arange(48)]

    first = pictures(0, (1, 2))
    assert torch.equal(first, pictures(0, (1, 2)))
    for seed, view in ((0, (2, 1)), (0, (1, 0)), (0, (0, 2)), (1, (1, 2))):
        assert not torch.equal(first, pictures(seed, view))


def test_turning_back_to_a_view_shows_it_again() -> None:
    data = tiny_data(augmentation=preset("heavy_10"))
    first, order = data.turn_to((0, 0))[torch.arange(48)], places_of(data)
    other = data.turn_to((1, 0))[torch.arange(48)]
    assert not torch.equal(first, other)
    assert not torch.equal(order, places_of(data))
    assert torch.equal(first, data.turn_to((0, 0))[torch.arange(48)])
    assert torch.equal(order, places_of(data))


def test_validation_images_are_never_augmented() -> None:
    data = tiny_data(augmentation=preset("heavy_10"))
    assert torch.equal(data.validation_view()[torch.arange(12)], data.train.images[data.held_out])
    images, labels = next(iter(data.val_dataloader()))
    assert torch.equal(images, data.train.images[data.held_out])
    assert torch.equal(labels, data.train.labels[data.held_out])


def test_test_images_validate_where_asked() -> None:
    data = tiny_data(validation="test", labels="all")
    assert data.test is not None
    assert len(data.labelled) == 48
    for loader in (data.val_dataloader(), data.test_dataloader()):
        images, labels = next(iter(loader))
        assert torch.equal(images, data.test.images)
        assert torch.equal(labels, data.test.labels)


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_rows_and_have_as_many_batches(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data, seen, lengths = tiny_data(batch_size=18), [], set()
    for rank in range(world):
        monkeypatch.setattr(data, "_place", lambda rank=rank: (rank, world))
        data.turn_to((0, 0))
        batches = epoch_of(data)
        lengths.add(tuple((len(rows), len(labels)) for rows, labels, _ in batches))
        assert max(len(rows) for rows, _, _ in batches) <= 18 // world
        seen.append(data.rows((0, 0)).images)
    assert len(lengths) == 1
    monkeypatch.setattr(data, "_place", lambda: (0, 1))
    assert set(torch.cat(seen).tolist()) == set(data.rows((0, 0)).images.tolist())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batches": "quarter"}, "batches=quarter: choose half, proportional, labelled, or a share between 0 and 1"),
        ({"batches": 1.0}, "batches=1.0: choose half, proportional, labelled, or a share between 0 and 1"),
        ({"batches": 0.01}, "batches=0.01: too small a share to put one into each batch; choose batches=half"),
        ({"batch_size": 49}, "batch_size=49: choose 2 to 48, the training rows"),
        ({"batch_size": 1}, "batch_size=1: choose 2 to 48, the training rows"),
        ({"labels": 40}, "labels=40: there are 36 training images; choose at most that, or all"),
        ({"labels": 2}, "labels=2: choose at least one image for each of the 3 classes"),
        ({"validation": 1.0}, "validation=1.0: choose a share between 0 and 1 that leaves images on both sides"),
    ],
)
def test_settings_that_do_not_fit_the_images_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        tiny_data(**settings)


def test_without_test_images_nothing_is_tested() -> None:
    with pytest.raises(ValueError, match="validation=test: there are no test images"):
        SemiSupervisedDataModule(tiny_images(), validation="test")
    with pytest.raises(ValueError, match="given no test images"):
        SemiSupervisedDataModule(tiny_images(), batch_size=12).test_dataloader()


def test_a_checkpoint_knows_its_data_again() -> None:
    tiny_data().load_state_dict(tiny_data().state_dict())


def test_a_checkpoint_of_other_data_is_refused() -> None:
    state = tiny_data().state_dict()
    images, labels = tiny_images().images, tiny_images().labels
    brighter = SemiSupervisedDataModule(Split(images + 1, labels), labels=12, validation=0.25, batch_size=12)
    relabelled = SemiSupervisedDataModule(Split(images, labels.flip(0)), labels=12, validation=0.25, batch_size=12)
    for other in (tiny_data(labels=9), tiny_data(seed=1), tiny_data(validation=0.5), brighter, relabelled):
        with pytest.raises(DataError, match="its run had other training data"):
            other.load_state_dict(state)


def test_views_that_do_not_differ_are_one() -> None:
    plain, repeated = tiny_data(labels="all"), tiny_data(labels=6, batches="half")
    assert plain.turn_to((0, 0)) is plain.turn_to((1, 2))
    assert repeated.turn_to((0, 0)) is not repeated.turn_to((0, 1))


def test_labels_have_to_go_round_the_processes() -> None:
    data = tiny_data(labels=3, batches="labelled", batch_size=3)
    with pytest.raises(ValueError, match=r"^batch_size=3: 2 processes share it; choose 4 or more$"):
        data.check_processes(2)
    data.batch_size = 8
    data.check_processes(3)
    with pytest.raises(ValueError, match=r"^labels=3: too few for 4 processes; choose 4 or more, or fewer of them$"):
        data.check_processes(4)
