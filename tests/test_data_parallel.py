"""Two processes that share a run, over gloo: they see different images and stay one network."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from statistics_from_scratch import batch_statistics
from tiny import tiny_data, tiny_stack, tiny_trainer
from together import run_together

WORLD = 2
EPOCHS = {
    "wave": 6,
    "simultaneous": 2,
    "settling": 4,
    "autoencoder": 2,
    "averaged": 6,
}  # three a wave, or all at once


@pytest.fixture(scope="module", params=EPOCHS)
def schedule(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each process has left what it has come to by each schedule."""
    folder = tmp_path_factory.mktemp("data_parallel")
    run_together("data_parallel_worker.py", WORLD, folder)
    return folder


@pytest.fixture(scope="module")
def processes(schedule: str, folder: Path) -> list[dict[str, Any]]:
    return [torch.load(folder / f"{schedule}-{rank}.pt", weights_only=True) for rank in range(WORLD)]


def test_processes_agree_bit_for_bit_after_every_visit(schedule: str, processes: list[dict[str, Any]]) -> None:
    one, other = (process["snapshots"] for process in processes)
    assert len(one) == len(other) == EPOCHS[schedule]
    for visit, (mine, theirs) in enumerate(zip(one, other, strict=True)):
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert torch.equal(mine[name], theirs[name]), f"visit {visit}: {name}"


def test_processes_learn_in_every_visit(processes: list[dict[str, Any]]) -> None:
    snapshots = processes[0]["snapshots"]
    for before, after in pairwise(snapshots):
        assert any(not torch.equal(before[name], after[name]) for name in before)


def test_processes_see_different_images(processes: list[dict[str, Any]]) -> None:
    labelled = [set(process["rows"][: len(process["rows"]) // 2].tolist()) for process in processes]
    assert labelled[0] != labelled[1]


def test_processes_count_the_same_accuracies(schedule: str, processes: list[dict[str, Any]]) -> None:
    one, other = (process["figures"] for process in processes)
    assert one == other
    assert "vote/val/accuracy" in one
    assert ("val/reconstruction" in one) == (schedule == "autoencoder")


def test_processes_weigh_votes_as_one_alone(schedule: str, processes: list[dict[str, Any]]) -> None:
    if schedule == "autoencoder":
        pytest.skip("has a network of its own")
    stack = tiny_stack()
    stack.load_state_dict(processes[0]["snapshots"][-1])
    found = stack.mixture.clone()
    tiny_trainer().validate(stack, datamodule=tiny_data(), verbose=False)
    torch.testing.assert_close(stack.mixture, found, rtol=1e-3, atol=1e-3)


def test_processes_share_the_batches_of_one(schedule: str, processes: list[dict[str, Any]]) -> None:
    assert [process["steps"] for process in processes] == [4 * EPOCHS[schedule]] * WORLD


def test_processes_gather_statistics_from_the_batches_of_all(schedule: str, processes: list[dict[str, Any]]) -> None:
    if schedule != "averaged":
        pytest.skip("gathers none anew")
    stack = tiny_stack()
    stack.load_state_dict(processes[0]["snapshots"][-1])
    of_each = [batch_statistics(stack, process["batches"]) for process in processes]
    for name in of_each[0]:
        mean = torch.stack([statistics[name] for statistics in of_each]).mean(dim=0)
        torch.testing.assert_close(stack.layers.state_dict()[name], mean, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(of_each[0][name], of_each[1][name], rtol=1e-4, atol=1e-5)
