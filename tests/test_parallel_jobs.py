"""Runs of a multirun side by side, each in a process of its own."""

import io
import logging
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from hydra.core.utils import JobReturn
from omegaconf import OmegaConf

from lwtrain.parallel_jobs import MarkedLines, ParallelJob
from lwtrain.sweeps import FolderOfMultirun, results_shown

SMALL = "model=vgg8b model.width=0.0625 dataset=fake dataset.num_images=150 dataset.num_classes=3 dataset.image_size=16"
ENDLESS = "schedule.epochs=1000 schedule.waves=1 trainer.limit_train_batches=1 batch_size=15 trainer.accelerator=cpu"


def test_lines_are_written_whole() -> None:
    screen = io.StringIO()
    one, other = MarkedLines(screen, "1: "), MarkedLines(screen, "2: ")
    one.write("layer")
    other.write("wave 1/2\nlay")
    one.write(" 1/9\n\n")
    other.finish()
    assert screen.getvalue() == "2: wave 1/2\n1: layer 1/9\n1: \n2: lay\n"
    assert not one.isatty()


def in_a_worker(job: ParallelJob) -> ParallelJob:
    """The callback as joblib hands it to another process."""
    return pickle.loads(pickle.dumps(job))


def test_a_run_beside_others_has_its_number_before_its_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, config = ParallelJob(), OmegaConf.create({"hydra": {"job": {"num": 3}}})
    job.on_multirun_start(config=config)
    job = in_a_worker(job)
    monkeypatch.setattr(os, "getppid", os.getpid)  # as if this process were a child of itself,
    monkeypatch.setattr("lwtrain.parallel_jobs._end_with", lambda program: None)  # which ends when that is over
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    job.on_job_start(config)
    sys.stdout.write("begun\n")
    logging.getLogger().warning("note")
    sys.stdout.write("unfinished")
    job.on_job_end(config=config, job_return=JobReturn())
    logging.getLogger().removeHandler(handler)
    sys.stdout.write("plain\n")
    assert capsys.readouterr() == ("3: begun\n3: unfinished\nplain\n", "3: note\n")


@pytest.mark.parametrize("started", [False, True])
def test_a_run_in_the_programs_own_process_has_plain_lines(started: bool, capsys: pytest.CaptureFixture[str]) -> None:
    job, config = ParallelJob(), OmegaConf.create({"hydra": {"job": {"num": 3}}})
    if started:
        job.on_multirun_start(config=config)
    job.on_job_start(config)
    sys.stdout.write("begun\n")
    job.on_job_end(config=config, job_return=JobReturn())
    assert capsys.readouterr().out == "begun\n"


def test_runs_side_by_side_share_the_cores_and_end_with_the_program_that_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    words = [*SMALL.split(), *ENDLESS.split(), "-m", "seed=1,2", "hydra.sweep.dir=sweep", "ckpt_path=auto"]
    words += ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "progress=none"]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-m", "lwtrain.cli", *words]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as program:
        stored = [tmp_path / "sweep" / number / "checkpoints" / "last.ckpt" for number in "01"]
        while program.poll() is None and not all(file.exists() for file in stored):
            time.sleep(0.1)
        assert program.poll() is None, program.communicate()[1]
        workers = [child for child in psutil.Process(program.pid).children() if "LokyProcess" in str(child.cmdline())]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        assert {worker.environ()["OMP_NUM_THREADS"] for worker in workers} == {str(max(cores // 2, 1))}
        program.kill()
        gone, alive = psutil.wait_procs(workers, timeout=10)
        said = program.communicate()[1]
    assert (len(gone), alive) == (2, [])
    for number in "01":
        assert (tmp_path / "sweep" / number / "lwtrain.log").is_file()
        assert f"{number}: " in said


@pytest.mark.parametrize(("launcher", "told"), [("joblib", True), ("submitit_slurm", False)])
def test_ctrl_c_says_how_to_go_on_where_the_runs_have_ended(
    launcher: str, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hydra = {"sweep": {"dir": str(tmp_path)}, "runtime": {"choices": {"hydra/launcher": launcher}}}

    def interrupted() -> None:
        with results_shown():
            FolderOfMultirun().on_multirun_start(OmegaConf.create({"hydra": hydra}))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    hint = f"stopped; go on with the same command and: hydra.sweep.dir={tmp_path} ckpt_path=auto\n"
    assert capsys.readouterr().err == (hint if told else "")
