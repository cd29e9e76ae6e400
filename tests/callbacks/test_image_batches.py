"""Data modules and loaders of a user's own, which know nothing of rows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tiny import differing, fit, tensors, tiny_data, tiny_images, tiny_stack, tiny_trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import BackpropSchedule, CustomSchedule, LayerSchedule, VoteRule, WaveSchedule
from lwtrain.data.augmentation import preset
from lwtrain.data.module import BatchLoader
from lwtrain.stack import LayerStack

TAGS = {f"{name}/{{}}/accuracy" for name in ("layer_0", "layer_1", "head", "vote")}


class Images(pl.LightningDataModule):
    """Yields the images that stand in the rows of tiny data, batch for batch; for waves of one epoch a visit."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = tiny_data(augmentation=preset("heavy_10"))

    def train_dataloader(self) -> BatchLoader:
        return BatchLoader(4, self._batches)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        assert self.trainer is not None
        self.rows.trainer = self.trainer
        view = self.rows.turn_to((self.trainer.current_epoch // 3, 0))
        for rows, labels, _ in self.rows.train_dataloader():
            yield view[rows], labels

    def val_dataloader(self) -> DataLoader[Any]:
        train, held_out = self.rows.train, self.rows.held_out
        return DataLoader(TensorDataset(train.images[held_out], train.labels[held_out]), batch_size=12)


def loader(shuffle: bool) -> DataLoader[Any]:
    split = tiny_images()
    return DataLoader(TensorDataset(split.images, split.labels), batch_size=16, shuffle=shuffle)


def fit_loaders(
    schedule: LayerSchedule, *, shuffle: bool = True, resume: Path | None = None, seed: int = 0, **settings: Any
) -> LayerStack:
    stack = tiny_stack(seed)
    if resume is not None:
        settings["folder"] = resume.parent
    trainer = tiny_trainer(schedule, **settings)
    torch.manual_seed(seed)
    trainer.fit(stack, loader(shuffle), loader(shuffle=False), ckpt_path=resume, weights_only=True)
    return stack


def test_images_train_as_rows_do() -> None:
    rows = fit(WaveSchedule(2, 2, front="recompute"), data=tiny_data(augmentation=preset("heavy_10")))
    images = fit(WaveSchedule(2, 2, front="recompute"), data=Images())
    assert differing(tensors(images.layers), tensors(rows.layers)) == []
    assert images.figures == pytest.approx(rows.figures)
    torch.testing.assert_close(images.ballots.vote([0, 1, 2])[0], rows.ballots.vote([0, 1, 2])[0])


def test_images_are_validated_in_one_view_while_layers_train_as_rows_are() -> None:
    one, both = (
        fit(WaveSchedule(1, 1), tiny_stack(vote_rule=VoteRule(flips=flips)), Images()) for flips in (False, True)
    )
    assert torch.equal(one.ballots.vote([0, 1, 2])[0], both.ballots.vote([0, 1, 2])[0])


@pytest.mark.parametrize("epoch", [1, 3, 4])
def test_images_resume_as_rows_do(epoch: int, tmp_path: Path) -> None:
    whole = fit(WaveSchedule(2, 2, front="recompute"), data=Images())
    fit(WaveSchedule(2, 2, front="recompute"), data=Images(), folder=tmp_path, max_epochs=epoch)
    resumed = fit(
        WaveSchedule(2, 2, front="recompute"), tiny_stack(seed=9), Images(), resume=tmp_path / "last.ckpt", seed=9
    )
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []
    assert {tag: whole.figures[tag] for tag in resumed.figures} == resumed.figures


def test_a_plain_loader_trains_every_layer_and_measures_all() -> None:
    fresh = tensors(tiny_stack().layers)
    stack = fit_loaders(WaveSchedule(8, 2, front="recompute"))
    assert set(differing(tensors(stack.layers), fresh)) == set(fresh)
    assert {tag.format("val") for tag in TAGS} <= stack.figures.keys()
    assert stack.figures["vote/val/accuracy"] > 0.6
    data = tiny_images()
    with torch.no_grad():
        fresh_vote = stack.eval().vote(data.images)
    torch.testing.assert_close(stack.ballots.vote([0, 1, 2])[0], fresh_vote, rtol=0, atol=1e-6)


def test_a_plain_loader_trains_end_to_end() -> None:
    fresh = tensors(tiny_stack().layers)
    stack = fit_loaders(BackpropSchedule(4, front="recompute"))
    moved = differing(tensors(stack.layers), fresh)
    assert moved == [name for name in fresh if ".layer." in name or ".classifier." in name]
    images, labels = tiny_images().images, tiny_images().labels
    right = stack.eval()(images).argmax(dim=1) == labels
    assert stack.figures["head/val/accuracy"] == pytest.approx(right.float().mean().item())


def test_layers_below_the_active_one_rest_for_images_too() -> None:
    once = fit_loaders(CustomSchedule([{"layer": 0}], front="recompute"))
    twice = fit_loaders(CustomSchedule([{"layer": 0}, {"layer": 1, "epochs": 2}], front="recompute"))
    # Another number of epochs makes the rate of layer 1 alone fall otherwise.
    assert differing(tensors(once.layers[0]), tensors(twice.layers[0])) == []
    assert differing(tensors(twice.layers[2]), tensors(tiny_stack().layers[2])) == []


def test_a_trainer_measures_all_layers_on_a_plain_loader() -> None:
    stack = fit_loaders(WaveSchedule(1, 1, front="recompute"))
    for stage, evaluate in (("val", stack.trainer.validate), ("test", stack.trainer.test)):
        stack.figures.clear()
        evaluate(stack, loader(shuffle=False), verbose=False)
        assert {tag.format(stage) for tag in TAGS} <= stack.figures.keys()


def test_plain_loaders_with_one_seed_agree() -> None:
    one, same, other = (
        tensors(fit_loaders(WaveSchedule(1, 1, front="recompute"), seed=seed).layers) for seed in (0, 0, 1)
    )
    assert differing(one, same) == []
    assert len(differing(one, other)) > 0


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_plain_loader_resumes_bit_for_bit(shuffle: bool, tmp_path: Path) -> None:
    whole = fit_loaders(WaveSchedule(2, 2, front="recompute"), shuffle=shuffle)
    fit_loaders(WaveSchedule(2, 2, front="recompute"), shuffle=shuffle, folder=tmp_path, max_epochs=2)
    resumed = fit_loaders(WaveSchedule(2, 2, front="recompute"), shuffle=shuffle, resume=tmp_path / "last.ckpt", seed=9)
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []


@pytest.mark.parametrize("front", ["memory", "disk"])
def test_a_front_that_is_kept_needs_rows(front: str) -> None:
    with pytest.raises(ValueError, match=rf"^front={front}: needs a SemiSupervisedDataModule; choose front=recompute$"):
        fit(WaveSchedule(1, 1, front=front), data=Images())
    with pytest.raises(ValueError, match=rf"^front={front}: needs a SemiSupervisedDataModule; choose front=recompute$"):
        fit_loaders(WaveSchedule(1, 1, front=front))


def test_the_front_that_is_chosen_for_images_is_recomputed() -> None:
    chosen, told = fit_loaders(WaveSchedule(1, 1)), fit_loaders(WaveSchedule(1, 1, front="recompute"))
    assert differing(tensors(chosen.layers), tensors(told.layers)) == []
