"""Which front stands for auto, where it is kept, and what is said of it."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from small_fronts import view
from torch import nn

from lwtrain.data.view import View
from lwtrain.fronts import making
from lwtrain.fronts.choose import Free
from lwtrain.fronts.disk import DiskFront
from lwtrain.fronts.making import Purpose, build_fronts
from lwtrain.fronts.memory import MemoryFront
from lwtrain.fronts.recompute import RecomputeFront

CPU = torch.device("cpu")
VIEWS: list[View] = [view(num_rows=300), view(num_rows=100)]
NEEDED = 400 * 4 * (4 * 4 * 4 + 6 * 4 * 4)  # bytes: both views, before layers 1 and 2 at once
HELD = {"memory": MemoryFront, "disk": DiskFront, "recompute": RecomputeFront}


@pytest.fixture
def build(
    layers: list[nn.Module], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[..., tuple[set[type], list[str]]]:
    """Make fronts beside so much free memory and disk; give their kinds, and what was logged."""
    caplog.set_level(logging.INFO, logger="lwtrain")

    def build(name: str, memory: int, disk: int = 0, **purpose: int) -> tuple[set[type], list[str]]:
        monkeypatch.setattr(making, "free_memory", lambda: memory)
        monkeypatch.setattr(making, "free_disk", lambda folder: disk)
        caplog.clear()
        fronts, files = build_fronts(name, Purpose(layers, nullcontext, CPU, highest=2, **purpose), VIEWS, tmp_path)
        assert len(fronts) == 2
        for file in files:
            file.close()
        return {type(front) for front in fronts}, [record.getMessage() for record in caplog.records]

    return build


Build = Callable[..., tuple[set[type], list[str]]]


@pytest.mark.parametrize(
    ("memory", "disk", "name"),
    [
        (2 * NEEDED, 0, "memory"),
        (2 * NEEDED - 2, NEEDED, "disk"),
        (2 * NEEDED - 2, NEEDED - 1, "recompute"),
    ],
)
def test_auto_takes_the_first_that_all_fronts_fit_into_and_says_why(
    memory: int, disk: int, name: str, build: Build
) -> None:
    kinds, (line,) = build("auto", memory, disk)
    assert kinds == {HELD[name]}
    assert line.startswith(f"front={name}: 0.2 MiB ")


@pytest.mark.parametrize(("processes", "name"), [(1, "memory"), (2, "disk"), (3, "recompute")])
def test_processes_on_one_machine_share_what_is_free(processes: int, name: str, build: Build) -> None:
    kinds, _ = build("auto", memory=2 * NEEDED, disk=2 * NEEDED, processes=processes)
    assert kinds == {HELD[name]}


def test_one_process_speaks_for_all(build: Build) -> None:
    assert build("auto", 2 * NEEDED, speaks=False)[1] == []
    assert build("memory", NEEDED - 1, speaks=False)[1] == []


def test_memory_that_is_too_small_is_warned_of_and_used(build: Build) -> None:
    kinds, lines = build("memory", NEEDED - 1)
    assert kinds == {MemoryFront}
    assert lines == ["front=memory: needs 0.2 MiB, 0.2 MiB are free; front=disk and front=recompute need less"]
    assert build("memory", NEEDED)[1] == []


@pytest.mark.parametrize("name", ["disk", "recompute"])
def test_a_front_that_is_told_is_taken_without_a_word(name: str, build: Build) -> None:
    assert build(name, memory=10**9, disk=10**9) == ({HELD[name]}, [])


@pytest.mark.parametrize(("device_memory", "place"), [(100, "cuda"), (99, "cpu")])
def test_an_accelerator_keeps_what_takes_six_tenths_of_its_memory(device_memory: int, place: str) -> None:
    free = Free(10**9, 0, Path(), device_memory)
    assert making._kept_on(torch.device("cuda"), 60, free).type == place
    assert making._kept_on(CPU, 60, free) == CPU
