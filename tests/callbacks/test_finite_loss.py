import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tiny import fit, tiny_stack

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.finite_loss import FiniteLoss
from lwtrain.checkpoints import load_checkpoint
from lwtrain.errors import NotFiniteError, TrainingError
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


@pytest.mark.parametrize(
    ("step", "name", "wave", "epoch"),
    [(1, "layer_0", 1, 1), (5, "layer_0", 1, 2), (9, "layer_1", 1, 1), (30, "layer_0", 2, 2), (47, "head", 2, 2)],
)
def test_the_layer_the_visit_and_the_step_are_named(
    step: int, name: str, wave: int, epoch: int, tmp_path: Path
) -> None:
    first, second = message(WaveSchedule(4, 2), tmp_path, step, every=1).splitlines()
    kept = f"; {tmp_path / 'last.ckpt'} is kept" if step >= 4 else ""
    assert first == f"{name}: loss nan in wave {wave}, epoch {epoch}, step {step + 1}; stopped{kept}."
    assert "optimizer.lr" in second


def test_a_script_gets_to_know_it_in_parts(tmp_path: Path) -> None:
    with pytest.raises(NotFiniteError) as caught:
        fit(WaveSchedule(1, 1), callbacks=[Spoil(5), FiniteLoss(1)], folder=tmp_path)
    error = pickle.loads(pickle.dumps(caught.value))  # as a pool of processes does
    assert isinstance(error, TrainingError)
    assert (error.layer, error.what, error.wave, error.epoch, error.step) == ("layer_1", "loss nan", 1, 1, 6)
    assert error.checkpoint == tmp_path / "last.ckpt"
    assert str(error) == str(caught.value)


def test_where_all_learn_at_once_the_lowest_is_named(tmp_path: Path) -> None:
    assert message(SimultaneousSchedule(1), tmp_path, step=2, every=1).startswith(
        "layer_0: loss nan in wave 1, epoch 1"
    )


def test_a_fit_that_stored_nothing_names_the_checkpoint_that_it_began_from(tmp_path: Path) -> None:
    fit(WaveSchedule(1, 1), folder=tmp_path / "first", max_epochs=1)
    begin = tmp_path / "first" / "last.ckpt"
    with pytest.raises(NotFiniteError) as caught:
        fit(WaveSchedule(1, 1), callbacks=[Spoil(5), FiniteLoss(1)], resume=begin, folder=tmp_path / "second")
    assert caught.value.checkpoint == begin


def test_weights_are_looked_at_before_a_checkpoint_takes_them(tmp_path: Path) -> None:
    assert message(WaveSchedule(1, 1), tmp_path, step=5).startswith(
        "layer_1: weights that are not finite in wave 1, epoch 1, step 8; stopped; "
    )


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
    assert message(BackpropSchedule(1), tmp_path, step=0, every=1).startswith(
        "all layers: loss nan in wave 1, epoch 1, step 1; stopped."
    )


def test_finite_runs_go_through() -> None:
    assert fit(WaveSchedule(1, 1), callbacks=[FiniteLoss(1)]).trainer.current_epoch == 3


def test_processes_stop_together_where_one_of_them_fails(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}"]
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    worker = [*launcher, str(Path(__file__).with_name("overflowing_worker.py")), str(tmp_path)]
    run = subprocess.run(worker, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    said = [(tmp_path / f"{rank}.txt").read_text() for rank in range(2)]
    assert said == ["layer_1: loss inf in wave 1, epoch 1, step 6"] * 2
