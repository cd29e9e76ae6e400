"""Sweeps that submitit makes, in its local mode; and what schedulers of clusters do to runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import pytorch_lightning as pl
import yaml
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from tiny import fit

from lwtrain import WaveSchedule
from lwtrain.callbacks.stop_signal import StopSignal
from lwtrain.clusters import slurm_without_requeue
from lwtrain.config.loading import load_config
from lwtrain.training import train

EPOCHS = 20  # of each of two layers: enough to be interrupted
TINY = [
    *("model=mlp", "model.hidden=[8]", "dataset=fake", "dataset.num_images=60", "dataset.num_classes=3"),
    *("dataset.image_size=8", f"schedule.epochs={EPOCHS}", "schedule.waves=1", "batch_size=15", "front=memory"),
    *("trainer.accelerator=cpu", "callbacks.check_loss_every=1", "precision=32", "logger.tensorboard=false"),
]
SLURM = {"SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "lwtrain", "SLURM_PROCID": "0"}


class Sweep(NamedTuple):
    folder: Path
    code: int
    said: str
    went_on: bool  # whether the run that got a SIGTERM made further epochs


def wait_for(what: Callable[[], bool], program: subprocess.Popen[str]) -> None:
    while not what():
        assert program.poll() is None, program.communicate()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Two runs at once, of which one fails; the other is preempted, as clusters do it: SIGTERM, and then SIGUSR2."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    folder = tmp_path_factory.mktemp("local") / "sweep"
    words = ["-m", *TINY, "optimizer.lr=1e-3,1e30", "hydra/launcher=submitit_local", f"hydra.sweep.dir={folder}"]
    command = [sys.executable, "-m", "lwtrain.cli", *words, "progress=plain"]
    with subprocess.Popen(
        command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        checkpoint = folder / "0" / "checkpoints" / "last.ckpt"
        wait_for(checkpoint.exists, program)
        jobs = sorted(psutil.Process(program.pid).children(), key=psutil.Process.create_time)
        (run,) = jobs[0].children()
        run.send_signal(signal.SIGTERM)
        went_on = 0
        for _ in range(2):
            before = checkpoint.stat().st_mtime_ns
            with suppress(FileNotFoundError):
                wait_for(lambda before=before: checkpoint.stat().st_mtime_ns > before, program)  # type: ignore[misc]
            went_on += checkpoint.stat().st_mtime_ns > before
        run.send_signal(signal.SIGUSR2)
        said = program.communicate()[0]
    return Sweep(folder, program.returncode, said, went_on == 2)


def test_each_run_has_a_folder_and_a_log(sweep: Sweep) -> None:
    assert all((sweep.folder / number / "lwtrain.log").is_file() for number in "01")
    assert (sweep.folder / "0" / "metrics.json").is_file()


def test_a_run_that_fails_is_told_of_and_stops_no_other(sweep: Sweep) -> None:
    assert sweep.code == 1
    assert "1: layer_0: loss" in sweep.said
    assert "loss" in (sweep.folder / "1" / "failure.txt").read_text()
    assert "Traceback" not in sweep.said


def test_a_table_stands_at_the_end(sweep: Sweep) -> None:
    assert f"results      {sweep.folder}/results.csv" in sweep.said
    assert (sweep.folder / "results.csv").read_text().count("\n") == 3


def test_a_run_that_is_preempted_goes_on_by_itself_as_if_it_had_not_been(sweep: Sweep, tmp_path: Path) -> None:
    assert sweep.went_on
    run = sweep.folder / "0"
    assert yaml.safe_load((run / "config.yaml").read_text())["ckpt_path"] == str(run / "checkpoints" / "last.ckpt")
    metrics = train(load_config([*TINY, "optimizer.lr=1e-3", "progress=none"]), tmp_path)
    assert json.loads((run / "metrics.json").read_text())["epochs"] == metrics["epochs"]
    for layer in ("layer_0", "head"):
        file = f"layers/{layer}.safetensors"
        assert (run / file).read_bytes() == (tmp_path / file).read_bytes()


def test_a_run_of_the_local_mode_ends_with_the_program_that_is_killed() -> None:
    run = (
        "import pickle, sys, time\n"
        "from lwtrain.parallel_jobs import ParallelJob\n"
        "job = ParallelJob()\n"
        "job.__setstate__({'_program': int(sys.argv[1])})\n"
        "job.on_job_start(None)\n"
        "print('begun', flush=True)\n"
        "time.sleep(60)\n"
    )
    between = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    program = (
        f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {between!r}, {run!r}, str(os.getpid())])"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "begun\n"
        others = psutil.Process(started.pid).children(recursive=True)
        started.kill()
        assert len(others) == 2
        assert psutil.wait_procs(others, timeout=10)[1] == []


class Terminated(pl.Callback):
    """Gets a SIGTERM in the middle of the first epoch."""

    def on_train_batch_end(self, trainer: pl.Trainer, *_: object) -> None:
        if trainer.global_step == 1:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("submitit", [False, True])
def test_sigterm_stops_a_run_but_not_a_job_of_submitit(submitit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if submitit:
        monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    stop = StopSignal(say=False)
    trained = fit(WaveSchedule(1, 1), callbacks=[stop, Terminated()])
    assert (stop.received is None, trained.trainer.current_epoch == 3) == (submitit, submitit)


def test_lightning_does_not_requeue_jobs_of_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slurm_without_requeue() == []
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    assert SLURMEnvironment.detect()
    (environment,) = slurm_without_requeue()
    assert not environment.auto_requeue
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")  # torchrun, in a job
    assert slurm_without_requeue() == []
