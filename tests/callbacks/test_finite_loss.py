from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tiny import fit, tiny_stack

from lwtrain import BackpropSchedule, LayerSchedule, WaveSchedule
from lwtrain.callbacks.finite_loss import FiniteLoss
from lwtrain.checkpoints import load_checkpoint
from lwtrain.errors import TrainingError
from lwtrain.optimizers import OptimizerFactory

# The metrics say so too, before the epoch's end; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:Encountered `nan` values in tensor")


class Spoil(pl.Callback):
    """Makes a weight of the active layer NaN after a step, as an overflow would."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if trainer.global_step == self.step:
            first = next(parameter for parameter in pl_module.parameters() if parameter.requires_grad)
            with torch.no_grad():
                first[(0,) * first.ndim] = float("nan")


def message(schedule: LayerSchedule, folder: Path, step: int, every: int = 20) -> str:
    with pytest.raises(TrainingError) as error:
        fit(schedule, callbacks=[Spoil(step), FiniteLoss(every)], folder=folder)
    return str(error.value)


@pytest.mark.parametrize(("step", "name"), [(1, "layer_0"), (5, "layer_1"), (9, "head")])
def test_the_layer_that_went_wrong_is_named(step: int, name: str, tmp_path: Path) -> None:
    first, second = message(WaveSchedule(1, 1), tmp_path, step, every=1).splitlines()
    assert first.startswith(f"{name}: loss nan in epoch {step // 4 + 1}, step {step + 1}; stopped")
    assert "optimizer.lr" in second


def test_weights_are_looked_at_before_a_checkpoint_takes_them(tmp_path: Path) -> None:
    assert message(WaveSchedule(1, 1), tmp_path, step=5).startswith("layer_1: weights that are not finite in epoch 2")


@pytest.mark.parametrize("every", [1, 20])
def test_the_last_good_checkpoint_is_untouched(every: int, tmp_path: Path) -> None:
    fit(WaveSchedule(1, 1), folder=tmp_path / "good", max_epochs=1)
    message(WaveSchedule(1, 1), tmp_path / "bad", step=6, every=every)
    good, kept = (load_checkpoint(tmp_path / name / "last.ckpt") for name in ("good", "bad"))
    assert kept["epoch"] == 0
    for name, tensor in kept["state_dict"].items():
        assert torch.equal(tensor, good["state_dict"][name])
    assert [path.name for path in (tmp_path / "bad").iterdir()] == ["last.ckpt"]


def test_a_rate_far_too_large_stops_a_run(tmp_path: Path) -> None:
    stack = tiny_stack(optimizer=OptimizerFactory("sgd", lr=[0.1, 1e30, 0.1]))
    with pytest.raises(TrainingError, match=r"^layer_1: "):
        fit(WaveSchedule(1, 1), stack, callbacks=[FiniteLoss()], folder=tmp_path)
    assert load_checkpoint(tmp_path / "last.ckpt")["epoch"] == 0


def test_end_to_end_no_layer_is_named(tmp_path: Path) -> None:
    assert message(BackpropSchedule(1), tmp_path, step=0, every=1).startswith("all layers: loss nan in epoch 1, step 1")


def test_finite_runs_go_through() -> None:
    assert fit(WaveSchedule(1, 1), callbacks=[FiniteLoss(1)]).trainer.current_epoch == 3
