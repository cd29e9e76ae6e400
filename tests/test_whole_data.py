"""Two and three processes that share data which do not divide: their figures are those of the whole data."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import fit, tiny_autoencoder, tiny_stack, tiny_trainer
from together import free_port
from uneven import WAVES, one_test_image, uneven_data

from lwtrain import Together, WaveSchedule
from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.judgement import judgement


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, here = tmp_path_factory.mktemp("whole_data"), Path(__file__).parent
    for world in (2, 3):
        (folder / str(world)).mkdir()
    paths = os.pathsep.join([str(here), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    worker = [sys.executable, str(here / "whole_data_worker.py"), str(free_port()), str(folder)]
    run = subprocess.run(worker, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module", params=[2, 3])
def folder(request: pytest.FixtureRequest, folders: Path) -> Path:
    return folders / str(request.param)


@pytest.fixture(scope="module")
def processes(folder: Path) -> list[dict[str, Any]]:
    return [torch.load(file, weights_only=True) for file in sorted(folder.glob("?.pt"))]


@pytest.fixture(scope="module")
def alone(processes: list[dict[str, Any]]) -> dict[str, Any]:
    """What one process says of the network that they have trained."""
    stack = tiny_stack()
    stack.load_state_dict(processes[0]["memory"]["weights"])
    trainer = tiny_trainer()
    trainer.validate(stack, datamodule=uneven_data(), verbose=False)
    said = judgement(stack)
    assert said is not None
    trainer.test(stack, datamodule=one_test_image(), verbose=False)
    return {"figures": dict(stack.figures), "counts": said.counts}


def test_figures_of_validation_are_those_of_all_images_once(
    processes: list[dict[str, Any]], alone: dict[str, Any]
) -> None:
    wanted = {tag: value for tag, value in alone["figures"].items() if "/val/" in tag}
    assert {"vote/val/accuracy", "head/val/prediction", "layer_0/val/accuracy"} <= wanted.keys()
    for process in processes:
        for front in ("memory", "recompute"):
            found = process[front]["val"]
            assert {tag: found[tag] for tag in wanted} == pytest.approx(wanted, abs=1e-6)


def test_all_images_are_counted_once_in_the_confusion(processes: list[dict[str, Any]], alone: dict[str, Any]) -> None:
    for process in processes:
        assert process["memory"]["counts"].sum() == 7
        assert torch.equal(process["memory"]["counts"], alone["counts"])


def test_figures_outside_of_a_fit_are_those_of_one_process(
    processes: list[dict[str, Any]], alone: dict[str, Any]
) -> None:
    """With a single test image, of which all processes but one have none that counts."""
    assert "vote/test/accuracy" in alone["figures"]
    for process in processes:
        measured = process["memory"]["measured"]
        assert {tag: measured[tag] for tag in alone["figures"]} == pytest.approx(alone["figures"], abs=1e-6)


def test_an_autoencoder_is_measured_on_all_images_once(processes: list[dict[str, Any]]) -> None:
    stack = tiny_autoencoder()
    stack.load_state_dict(processes[0]["rebuilt"]["weights"])
    stack.activate(Together.BACKPROP)
    tiny_trainer(ReconstructionError()).validate(stack, datamodule=uneven_data(), verbose=False)
    for process in processes:
        assert process["rebuilt"]["figure"] == pytest.approx(stack.figures["val/reconstruction"], rel=1e-5)


def test_a_stopped_run_goes_on_bit_for_bit(processes: list[dict[str, Any]]) -> None:
    for process in processes:
        for name, tensor in processes[0]["memory"]["weights"].items():
            assert torch.equal(process["resumed"][name], tensor), name
            assert torch.equal(process["recompute"]["weights"][name], tensor), name


def test_another_number_of_processes_goes_on_with_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = len(list(folder.glob("?.pt")))
    with caplog.at_level(logging.WARNING, "lwtrain"):
        stack = fit(WaveSchedule(**WAVES), tiny_stack(), uneven_data(), resume=folder / "last.ckpt", max_epochs=5)
    assert stack.trainer.current_epoch == 5
    assert [message for message in caplog.messages if message.startswith("ckpt_path")] == [
        f"ckpt_path: made by {world} process(es), gone on with by 1: "
        "batches are dealt out anew, so the run does not end bit for bit as it would have"
    ]


def test_what_cannot_be_shared_is_refused_by_all_alike(processes: list[dict[str, Any]]) -> None:
    world = len(processes)
    for process in processes:
        small, few = process["refusals"]
        assert small == f"batch_size={2 * world - 1}: {world} processes share it; choose {2 * world} or more"
        assert few == "labels=3: too few to put one into each batch; choose batches=half"
