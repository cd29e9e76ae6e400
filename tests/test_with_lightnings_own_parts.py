"""Parts of a user's own beside lwtrain's stack: data module, optimizer, loggers, and Lightning's callbacks."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import CSVLogger, Logger
from tiny import differing, fit, tensors, tiny_images, tiny_stack
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import LayerStack, SequentialSchedule, WaveSchedule
from lwtrain.checkpoints import load_checkpoint
from lwtrain.optimizers import OptimizerFactory, ParameterGroups, named_groups

SO_FAR = "vote/val/accuracy_so_far"


class Pictures(pl.LightningDataModule):
    """Makes its data sets in `setup`, as Lightning's examples do, and yields images and labels."""

    def setup(self, stage: str) -> None:
        images, tests = tiny_images(), tiny_images(12, seed=1)
        self.train = TensorDataset(images.images[:36], images.labels[:36])
        self.held_out = TensorDataset(images.images[36:], images.labels[36:])
        self.test = TensorDataset(tests.images, tests.labels)

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.train, batch_size=12, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.held_out, batch_size=12)

    def test_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.test, batch_size=12)


class Kept(Logger):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.figures: dict[str, list[tuple[int | None, float]]] = {}

    name = version = "kept"

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for tag, value in metrics.items():
            self.figures.setdefault(tag, []).append((step, value))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None: ...


class OwnOptimizer(LayerStack):
    """Makes its optimizer the way any LightningModule does."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.RAdam(named_groups(self.names, list(self.layers)), lr=0.01)


def own_stack() -> LayerStack:
    made = tiny_stack()
    return OwnOptimizer([made.part(0), made.part(1)], made.part(2))  # type: ignore[list-item, arg-type]


@pytest.mark.parametrize("front", ["auto", "recompute"])
def test_a_data_module_of_ones_own_trains_validates_and_tests(front: str) -> None:
    learner = tiny_stack(optimizer=OptimizerFactory(lr=0.01))
    stack = fit(WaveSchedule(8, 2, front=front), learner, Pictures(), logger=Kept())
    (tested,) = stack.trainer.test(stack, Pictures(), verbose=False)
    assert tested["vote/test/accuracy"] > 0.5
    assert stack.figures["vote/val/accuracy"] > 0.5


def test_a_function_and_a_subclass_can_make_the_optimizer(tmp_path: Path) -> None:
    def make(groups: ParameterGroups) -> torch.optim.Optimizer:
        return torch.optim.RAdam(groups, lr=0.01)

    by_function, by_subclass = fit(WaveSchedule(2, 2), tiny_stack(optimizer=make)), fit(WaveSchedule(2, 2), own_stack())
    assert isinstance(by_function.trainer.optimizers[0], torch.optim.RAdam)
    assert differing(tensors(by_function.layers), tensors(by_subclass.layers)) == []
    fit(WaveSchedule(2, 2), own_stack(), folder=tmp_path, max_epochs=4)
    resumed = fit(WaveSchedule(2, 2), own_stack(), resume=tmp_path / "last.ckpt", seed=9)
    assert differing(tensors(resumed.layers), tensors(by_subclass.layers)) == []


def test_loggers_of_lightnings_and_of_ones_own_are_told_the_same(tmp_path: Path) -> None:
    kept, table = Kept(), CSVLogger(tmp_path, name="", version="")
    stack = fit(WaveSchedule(2, 2), logger=[kept, table], callbacks=[LearningRateMonitor("step")])
    with (tmp_path / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for tag in ("vote/val/accuracy", SO_FAR, "layer_1/val/accuracy", "head/train/loss"):
        assert kept.figures[tag][-1][1] == stack.figures[tag]
        written = [float(row[tag]) for row in rows if row[tag]]
        assert written == pytest.approx([value for _, value in kept.figures[tag]])


def test_the_monitor_of_rates_shows_each_layers_by_its_name() -> None:
    kept = Kept()
    fit(SequentialSchedule(1), logger=kept, callbacks=[LearningRateMonitor("step")])
    shown = {tag: [value for _, value in points] for tag, points in kept.figures.items() if tag.startswith("lr-")}
    layers = [next(tag for tag in shown if tag.endswith(f"/{name}")) for name in ("layer_0", "layer_1", "head")]
    for number, tag in enumerate(layers):
        falling = [1e-3 * (1 - step / 4) for step in range(4)]
        assert shown[tag][4 * number : 4 * number + 4] == pytest.approx(falling)


def test_checkpoints_are_chosen_by_the_vote_so_far(tmp_path: Path) -> None:
    kept = Kept()
    best = ModelCheckpoint(tmp_path, monitor=SO_FAR, mode="max")
    stack = fit(WaveSchedule(2, 2), logger=kept, callbacks=[best], folder=tmp_path / "run")
    votes = [value for _, value in kept.figures[SO_FAR]]
    assert len(votes) == stack.trainer.current_epoch == 6
    assert best.best_model_score == pytest.approx(max(votes))
    stored = load_checkpoint(Path(best.best_model_path))
    assert stored["epoch"] == votes.index(max(votes))
    assert tiny_stack(seed=5).load_state_dict(stored["state_dict"])


@pytest.mark.parametrize("strict", [True, False])
def test_early_stopping_by_the_vote_so_far_ends_the_schedule(strict: bool) -> None:
    stop = EarlyStopping(SO_FAR, mode="max", patience=0, strict=strict, min_delta=2.0)  # no vote gains that much
    assert fit(WaveSchedule(4, 2), callbacks=[stop]).trainer.current_epoch == 2


def test_early_stopping_can_wait_for_the_vote_of_all_layers() -> None:
    stop = EarlyStopping("vote/val/accuracy", mode="max", patience=0, strict=False, min_delta=2.0)
    # The first vote is the first wave's. It stands until the next one, so that patience counts epochs.
    assert fit(WaveSchedule(2, 2), callbacks=[stop]).trainer.current_epoch == 4
    assert stop.best_score > 0


def test_a_checkpoint_by_the_vote_of_all_layers_says_what_there_is_to_monitor(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path, monitor="vote/val/accuracy", mode="max")
    with pytest.raises(pl.utilities.exceptions.MisconfigurationException, match=SO_FAR):
        fit(WaveSchedule(1, 1), callbacks=[best], folder=tmp_path / "run")


def test_such_a_checkpoint_can_wait_for_the_waves_end(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path, monitor="vote/val/accuracy", mode="max", every_n_epochs=3)
    assert fit(WaveSchedule(2, 2), callbacks=[best], folder=tmp_path / "run").trainer.current_epoch == 6
    assert load_checkpoint(Path(best.best_model_path))["epoch"] in {2, 5}
