"""Processes in a line, over gloo: each trains some of the layers, and together they do what one would."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from pipelined_worker import CASES
from pytorch_lightning.callbacks import Timer
from tiny import SHAPE, differing, fit, tensors, tiny_data, tiny_stack, tiny_trainer
from together import run_together

from lwtrain import PipelinedSchedule, SimultaneousSchedule
from lwtrain.checkpoints import load_checkpoint
from lwtrain.config.loading import load_config
from lwtrain.data.mixup import Mixup
from lwtrain.from_config import build_trainer
from lwtrain.undeclared import callbacks_of

PROCESSES = 3  # one that only sends, one that only receives, and one that does both


def alone(folder: Path | None = None, micro_batch: int | None = None, **settings: Any) -> dict[str, Any]:
    stack = tiny_stack()
    stack.micro_batch = micro_batch
    stack = fit(SimultaneousSchedule(epochs=2), stack, folder=folder, **settings)
    return {"weights": tensors(stack), "figures": stack.figures}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[dict[str, Any]], Path]:
    """What each process of a line has come to, and the folder of their checkpoints."""
    folder = tmp_path_factory.mktemp("line")
    fit(PipelinedSchedule(epochs=2), folder=folder / "one", max_epochs=1)
    run_together("pipelined_worker.py", PROCESSES, folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)], folder


@pytest.mark.parametrize("case", CASES)
def test_a_line_gives_the_weights_of_one_process(case: str, line: tuple[list[dict[str, Any]], Path]) -> None:
    expected = alone(**CASES[case])
    for process in line[0]:
        assert differing(process[case]["weights"], expected["weights"]) == []


def test_batches_travel_in_slices(line: tuple[list[dict[str, Any]], Path]) -> None:
    expected = alone(micro_batch=5)
    for process in line[0]:
        assert differing(process["sliced"]["weights"], expected["weights"]) == []


def test_what_travels_is_blended_once(line: tuple[list[dict[str, Any]], Path]) -> None:
    expected = alone(data=tiny_data(mixup=Mixup(1.0)))
    for process in line[0]:
        assert differing(process["mixed"]["weights"], expected["weights"]) == []


def test_figures_are_those_of_one_process(line: tuple[list[dict[str, Any]], Path]) -> None:
    expected = alone()["figures"]
    for process in line[0]:
        figures = dict(process["plain"]["figures"])
        waited = [figures.pop(f"pipeline/rank_{rank}/waited") for rank in range(len(line[0]))]
        assert all(seconds >= 0 for seconds in waited)
        assert figures == pytest.approx(expected, abs=1e-6)


def test_a_line_of_one_is_simultaneous() -> None:
    one = fit(PipelinedSchedule(epochs=2))
    assert differing(tensors(one), alone()["weights"]) == []


def test_a_line_goes_on_where_one_process_stopped(line: tuple[list[dict[str, Any]], Path]) -> None:
    expected = alone()
    for process in line[0]:
        assert differing(process["resumed"]["weights"], expected["weights"]) == []


def test_one_process_could_go_on_where_a_line_stopped(line: tuple[list[dict[str, Any]], Path], tmp_path: Path) -> None:
    alone(tmp_path)
    mine, theirs = (load_checkpoint(folder / "last.ckpt") for folder in (tmp_path, line[1] / "plain"))
    assert differing(mine["state_dict"], theirs["state_dict"]) == []
    one, other = (checkpoint["optimizer_states"][0] for checkpoint in (mine, theirs))
    assert one["param_groups"] == other["param_groups"]
    assert one["state"].keys() == other["state"].keys()
    for number in one["state"]:
        assert differing(one["state"][number], other["state"][number]) == []


# What cannot be


@pytest.mark.parametrize("deal", [[1, 2], [4]])
def test_a_deal_has_to_fit_processes_and_layers(deal: list[int]) -> None:
    said = re.escape(f"schedule.deal={deal}: choose a number for each of 1 processes, 3 layers in all")
    with pytest.raises(ValueError, match=said):
        fit(PipelinedSchedule(1, deal=deal))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"deal": [2, 0]}, "schedule.deal=[2, 0]: choose 1 or more layers for each process"),
        ({"deal": []}, "schedule.deal=[]: choose 1 or more layers for each process"),
        ({"queue": 0}, "schedule.queue=0: choose 1 or more"),
        ({"rest": {0}}, "schedule=pipelined: trains all layers; choose schedule=simultaneous where some rest"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        PipelinedSchedule(1, **settings)


def test_images_from_a_loader_of_ones_own_are_refused() -> None:
    loader = [(torch.rand(4, *SHAPE), torch.arange(4) % 3)]
    with pytest.raises(ValueError, match="needs a SemiSupervisedDataModule; choose schedule=simultaneous"):
        tiny_trainer(PipelinedSchedule(1)).fit(tiny_stack(), loader, loader)


def test_a_time_limit_does_not_make_the_processes_wait_for_each_other(tmp_path: Path) -> None:
    words = ["schedule=pipelined", "trainer.devices=2", "trainer.accelerator=cpu", "trainer.max_time=00:00:05:00"]
    trainer = build_trainer(load_config(words), tmp_path, [], [], epochs=3)
    (clock,) = (callback for callback in callbacks_of(trainer) if isinstance(callback, Timer))
    assert clock.time_remaining() == 300
    assert clock._interval == "epoch"  # it asks all processes, at each step or behind each epoch
