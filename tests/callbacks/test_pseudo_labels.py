"""Labels that the network gives: who gets which, when they are made, and that a resumed run knows them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tiny import CLASSES, differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor

from lwtrain import (
    BackpropSchedule,
    LayerSchedule,
    PseudoLabels,
    SequentialSchedule,
    SimultaneousSchedule,
    VoteRule,
    WaveSchedule,
)
from lwtrain.callbacks.pseudo_labels import surest
from lwtrain.config.loading import load_config
from lwtrain.data.augmentation import preset
from lwtrain.data.blank import blank_dataset
from lwtrain.data.label_split import NO_LABEL
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.from_config import split_data
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of


def _data_of(trainer: pl.Trainer) -> SemiSupervisedDataModule:
    data = datamodule_of(trainer)
    assert isinstance(data, SemiSupervisedDataModule)
    return data


class Watch(pl.Callback):
    """Remembers, by epoch, the labels handed out, the batches, and the network at the epoch's start."""

    def __init__(self) -> None:
        self.labels: list[Tensor | None] = []
        self.networks: list[LayerStack] = []
        self.batches: list[list[tuple[Tensor, Tensor]]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: LayerStack) -> None:
        labels = _data_of(trainer).pseudo_labels
        self.labels.append(None if labels is None else labels.clone())
        network = tiny_stack()
        network.load_state_dict(pl_module.state_dict())
        self.networks.append(network.eval())
        self.batches.append([])

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: LayerStack, outputs: object, batch: Any, number: int
    ) -> None:
        rows = _data_of(trainer)._rows
        assert rows is not None
        images = rows.images[batch.rows]
        self.batches[-1].append((images, batch.labels))


def taught(
    schedule: LayerSchedule, teacher: Any = "vote", share: float = 0.5, ramp: float = 0.0, **settings: Any
) -> tuple[LayerStack, Watch, SemiSupervisedDataModule]:
    watch, data = Watch(), tiny_data(augmentation=preset("light"))
    labelling = PseudoLabels(schedule, teacher, share, ramp)
    stack = fit(schedule, tiny_stack(), data, callbacks=[labelling, watch], **settings)
    return stack, watch, data


@pytest.mark.parametrize("teacher", ["vote", "own"])
def test_labels_are_the_same_however_votes_are_counted(teacher: Any) -> None:
    stacks = []
    for rule in (VoteRule(), VoteRule("accuracy", flips=True)):
        schedule = WaveSchedule(2, 2)
        stacks.append(
            fit(schedule, tiny_stack(vote_rule=rule), tiny_data(), callbacks=[PseudoLabels(schedule, teacher)])
        )
    assert differing(tensors(stacks[0].layers), tensors(stacks[1].layers)) == []


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_of_each_class_the_surest_share_is_labelled(share: float) -> None:
    probabilities = torch.rand(200, 5, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    highest, classes = probabilities.max(dim=1)
    labels = surest(highest, classes, share)
    for number in range(5):
        picked, members = labels == number, classes == number
        assert picked.sum() == max(1, -(-members.sum() * share // 1))
        assert (members | ~picked).all()
        if (members & ~picked).any():
            assert highest[picked].min() >= highest[members & ~picked].max()
    assert ((labels == NO_LABEL) | (labels == classes)).all()


def test_a_class_that_nobody_is_taken_for_stays_out() -> None:
    assert surest(torch.tensor([0.9, 0.8]), torch.tensor([0, 0]), 1.0).tolist() == [0, 0]
    assert surest(torch.empty(0), torch.empty(0).long(), 0.5).shape == (0,)


@pytest.mark.parametrize(
    ("schedule", "fresh"),
    [
        (WaveSchedule(3, 3), [3, 6]),
        (WaveSchedule(4, 2), [1, 3, 5, 7, 9, 11]),
        (SequentialSchedule(3), [1, 2, 4, 5, 7, 8]),
        (SimultaneousSchedule(3), [1, 2]),
        (BackpropSchedule(3), [1, 2]),
    ],
)
def test_labels_are_the_vote_of_the_network_before_a_layer_trains_again(
    schedule: LayerSchedule, fresh: list[int]
) -> None:
    _, watch, data = taught(schedule)
    images, last = data.train.images[data.unlabelled], None
    for epoch, labels in enumerate(watch.labels):
        if epoch in fresh:
            last = surest(*watch.networks[epoch].vote(images).max(dim=1), 0.5)
        assert (labels is None) == (last is None), epoch
        assert labels is None or torch.equal(labels, last), epoch


@pytest.mark.parametrize(
    ("schedule", "ramp", "shares"),
    [
        (WaveSchedule(4, 4), 1.0, {3: 0.2, 6: 0.4, 9: 0.6}),  # twelve epochs, of which three are a wave
        (WaveSchedule(4, 4), 0.5, {3: 0.4, 6: 0.8, 9: 0.8}),
        (SimultaneousSchedule(5), 0.8, {1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8}),
    ],
)
def test_the_share_grows_over_a_part_of_the_epochs(
    schedule: LayerSchedule, ramp: float, shares: dict[int, float]
) -> None:
    _, watch, data = taught(schedule, share=0.8, ramp=ramp)
    for epoch, share in shares.items():
        vote = watch.networks[epoch].vote(data.train.images[data.unlabelled])
        expected, labels = surest(*vote.max(dim=1), share), watch.labels[epoch]
        assert labels is not None
        assert torch.equal(labels, expected), epoch


def test_each_layer_can_be_its_own_teacher() -> None:
    _, watch, data = taught(WaveSchedule(2, 2), teacher="own")
    opinions = watch.networks[3].layer_probabilities(data.train.images[data.unlabelled])
    for layer in range(3):
        assert watch.labels[layer] is None
        assert torch.equal(watch.labels[3 + layer], surest(*opinions[layer].max(dim=1), 0.5))
    assert not torch.equal(watch.labels[3], watch.labels[5])


@pytest.mark.parametrize(
    ("make", "ramp", "shares"),
    [
        (lambda: WaveSchedule(2, 2), 0.0, [0.5] * 6),
        (lambda: WaveSchedule(4, 4), 1.0, [0.0] * 3 + [0.125] * 3 + [0.25] * 3 + [0.375] * 3),
        (lambda: SequentialSchedule(2), 0.5, [0.0, 1 / 6, 1 / 6, 0.5, 0.5, 0.5]),
        (lambda: SimultaneousSchedule(4), 0.5, [0.0, 0.25, 0.5, 0.5]),
    ],
)
def test_a_trained_network_teaches_from_the_first_epoch(
    make: Callable[[], LayerSchedule], ramp: float, shares: list[float]
) -> None:
    trained = fit(WaveSchedule(3, 3), tiny_stack(vote_rule=VoteRule("doubling")), tiny_data()).eval()
    before = tensors(trained)
    _, watch, data = taught(make(), trained, ramp=ramp)
    answers = trained.vote(data.train.images[data.unlabelled]).max(dim=1)
    for epoch, (labels, share) in enumerate(zip(watch.labels, shares, strict=True)):
        assert labels is not None
        assert torch.equal(labels, surest(*answers, share)), epoch
    assert not differing(before, tensors(trained))


def test_a_layer_that_has_not_trained_does_not_teach_itself() -> None:
    _, watch, _ = taught(SequentialSchedule(2), teacher="own")
    assert (watch.labels[1] != NO_LABEL).any()
    assert (watch.labels[2] == NO_LABEL).all()  # the first epoch of layer 1
    assert (watch.labels[3] != NO_LABEL).any()


@pytest.mark.parametrize("schedule", [WaveSchedule(2, 2), SimultaneousSchedule(2)])
def test_batches_hold_true_labels_and_those_given_and_no_hidden_ones(schedule: LayerSchedule) -> None:
    _, watch, data = taught(schedule)
    for labels, batches in zip(watch.labels, watch.batches, strict=True):
        known = torch.full((len(data.train.labels),), NO_LABEL)
        if labels is not None:
            known[data.unlabelled] = labels.long()
        known[data.labelled] = data.train.labels[data.labelled]
        for images, given in batches:
            assert torch.equal(known[images[: len(given)]], given)
            assert (known[images[len(given) :]] == NO_LABEL).all()
    given = [sum(len(labels) for _, labels in batches) for batches in watch.batches]
    assert given[-1] > given[0]


def test_hidden_labels_are_reported_on_and_not_learned_from() -> None:
    honest, *_ = taught(WaveSchedule(2, 2))
    schedule, data = WaveSchedule(2, 2), tiny_data(augmentation=preset("light"))
    data.train.labels[data.unlabelled] = 0
    lied_to = fit(schedule, tiny_stack(), data, callbacks=[PseudoLabels(schedule, "vote", 0.5, ramp=0)])
    assert not differing(tensors(honest), tensors(lied_to))
    assert honest.figures["vote/pseudo_labels/accuracy"] != lied_to.figures["vote/pseudo_labels/accuracy"]
    assert honest.figures["vote/pseudo_labels/share"] == pytest.approx(0.5, abs=0.1)


def test_asking_moves_nothing_and_draws_nothing() -> None:
    schedules = WaveSchedule(2, 2), WaveSchedule(2, 2)
    plain = fit(schedules[0], tiny_stack(), tiny_data())

    class Asked(PseudoLabels):
        def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            super().on_train_epoch_start(trainer, pl_module)
            _data_of(trainer).pseudo_labels = None

    asked = fit(schedules[1], tiny_stack(), tiny_data(), callbacks=[Asked(schedules[1])])
    assert not differing(tensors(plain), tensors(asked))


@pytest.mark.parametrize("front", ["disk", "recompute"])
def test_the_front_makes_no_difference(front: str) -> None:
    one, *_ = taught(WaveSchedule(2, 2, front="memory"))
    other, *_ = taught(WaveSchedule(2, 2, front=front))
    assert not differing(tensors(one), tensors(other))


@pytest.mark.parametrize("teacher", ["vote", "own", "network"])
@pytest.mark.parametrize("stop", [2, 4, 7])
def test_a_resumed_run_goes_on_with_its_labels(tmp_path: Path, teacher: Any, stop: int) -> None:
    if teacher == "network":
        teacher = fit(WaveSchedule(1, 1), tiny_stack(), tiny_data()).eval()
    whole, watch, _ = taught(WaveSchedule(3, 3), teacher)
    taught(WaveSchedule(3, 3), teacher, folder=tmp_path, max_epochs=stop)
    resumed, rest, _ = taught(WaveSchedule(3, 3), teacher, resume=tmp_path / "last.ckpt", seed=5)
    assert not differing(tensors(whole), tensors(resumed))
    for labels, again in zip(watch.labels[stop:], rest.labels, strict=True):
        assert (labels is None) == (again is None)
        assert labels is None or torch.equal(labels, again)


def test_a_second_fit_does_not_begin_with_the_labels_of_the_first() -> None:
    schedule, data = WaveSchedule(2, 2), tiny_data(augmentation=preset("light"))
    teacher = PseudoLabels(schedule, "vote", 0.5)
    first, second = (fit(schedule, tiny_stack(), data, callbacks=[teacher]) for _ in range(2))
    assert not differing(tensors(first), tensors(second))


def test_labels_are_taken_back_at_the_end() -> None:
    assert taught(WaveSchedule(2, 2))[2].pseudo_labels is None


def test_unlabelled_images_may_have_no_known_label() -> None:
    data = tiny_data()
    data.train.labels[data.unlabelled] = -1
    schedule = WaveSchedule(2, 2)
    figures = fit(schedule, tiny_stack(), data, callbacks=[PseudoLabels(schedule)]).figures
    assert "vote/pseudo_labels/share" in figures
    assert "vote/pseudo_labels/accuracy" not in figures


def test_without_unlabelled_images_nothing_happens() -> None:
    schedule = WaveSchedule(2, 2)
    with_teacher = fit(schedule, tiny_stack(), tiny_data(labels="all"), callbacks=[PseudoLabels(schedule)])
    without = fit(WaveSchedule(2, 2), tiny_stack(), tiny_data(labels="all"))
    assert not differing(tensors(with_teacher), tensors(without))


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("encoder=pool pseudo_labels.teacher=vote", False),
        ("encoder=conv pseudo_labels.teacher=own", False),
        ("encoder=c objective=prediction pseudo_labels.teacher=vote", False),
        ("encoder=c pseudo_labels.teacher=vote", True),  # rebuilt
        ("encoder=infopro objective=infopro pseudo_labels.teacher=vote", True),
        ("encoder=pool batches=half", True),  # as asked for
    ],
)
def test_rows_without_a_label_are_left_out_where_only_labels_teach(words: str, kept: bool) -> None:
    config = load_config(["labels=500", *words.split()])
    assert split_data(config, blank_dataset(config.dataset.describe())).idle_rows == kept


@pytest.mark.parametrize("ramp", [0.0, 1.0])
@pytest.mark.parametrize(
    "make", [lambda: WaveSchedule(4, 4), lambda: WaveSchedule(4, 2), lambda: SimultaneousSchedule(4)]
)
def test_how_many_rows_epochs_will_have_is_foreseen(make: Callable[[], LayerSchedule], ramp: float) -> None:
    schedule, data, watch = make(), tiny_data(idle_rows=False), Watch()
    labelling, foreseen = PseudoLabels(schedule, "vote", 0.8, ramp), list[float]()

    class Asks(pl.Callback):
        def on_fit_start(self, trainer: pl.Trainer, pl_module: LayerStack) -> None:
            foreseen.extend(labelling.filling(trainer, pl_module))

    fit(schedule, tiny_stack(), data, callbacks=[labelling, watch, Asks()])
    rows = [sum(len(images) for images, _ in batches) / 48 for batches in watch.batches]
    assert rows == pytest.approx(foreseen, abs=CLASSES / 48)  # of each class the share is rounded up
    assert foreseen[0] == rows[0] == 0.5


def test_what_cannot_be_is_refused() -> None:
    schedule = SimultaneousSchedule(2)
    with pytest.raises(ValueError, match=r"^pseudo_labels\.teacher=head: choose vote or own, or give a"):
        PseudoLabels(schedule, "head")
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match=rf"^pseudo_labels\.share={share}: choose a number above 0 and at most 1$"):
            PseudoLabels(schedule, share=share)
    for ramp in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=rf"^pseudo_labels\.ramp={ramp}: choose a number from 0 to 1$"):
            PseudoLabels(schedule, ramp=ramp)
    with pytest.raises(ValueError, match=r"^pseudo_labels\.teacher=own: .*; choose vote$"):
        taught(schedule, teacher="own")

    class Pictures(pl.LightningDataModule):
        def train_dataloader(self) -> Any:
            return [(torch.rand(4, 3, 8, 8), torch.arange(4) % CLASSES)]

        val_dataloader = train_dataloader

    schedule = WaveSchedule(2, 2)
    with pytest.raises(
        ValueError, match=r"^pseudo_labels\.teacher=vote: needs a SemiSupervisedDataModule; choose none$"
    ):
        fit(schedule, tiny_stack(), Pictures(), callbacks=[PseudoLabels(schedule)])
