import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import tiny_data, tiny_stack, tiny_trainer

from lwtrain import BackpropSchedule, LayerSchedule, WaveSchedule
from lwtrain.enough_memory import check_memory, memory_told, ran_out_of_memory
from lwtrain.errors import ConfigError, TrainingError
from lwtrain.memory_need import memory_need
from lwtrain.stack import LayerStack

KIB = 2**10


def check(schedule: LayerSchedule, free: int, monkeypatch: pytest.MonkeyPatch, stack: LayerStack | None = None) -> None:
    monkeypatch.setattr("lwtrain.enough_memory.free_memory", lambda: free)
    monkeypatch.setattr("lwtrain.enough_memory.OVERHEAD", 0)
    check_memory(tiny_trainer(schedule), stack or tiny_stack(), tiny_data(), schedule)


def test_a_batch_too_large_is_refused_with_one_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, stack = WaveSchedule(1, 1, front="recompute"), tiny_stack(channels=32)
    need = memory_need(stack, tiny_data(), schedule)
    free = need.growth[need.largest].peak(8) + need.optimizer_state
    monkeypatch.setattr("lwtrain.enough_memory.MARGIN", 1.0)
    monkeypatch.setattr("lwtrain.memory_need.CHUNK", 4)
    with pytest.raises(ConfigError) as caught:
        check(schedule, free, monkeypatch, stack)
    said = str(caught.value)
    assert said.startswith(f"batch_size=12: a step of {need.largest} needs about ")
    assert said.endswith(" are free. Choose batch_size=8 or less, or micro_batch=8")
    stack.micro_batch = 8
    check(schedule, free, monkeypatch, stack)
    stack.micro_batch = 10
    with pytest.raises(ConfigError, match=r"^micro_batch=10: a step of .* Choose micro_batch=8 or less$"):
        check(schedule, free, monkeypatch, stack)


def test_where_nothing_fits_a_smaller_network_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^model: 256 images on their way .* Choose a smaller model.width"):
        check(BackpropSchedule(1), 10 * KIB, monkeypatch)
    monkeypatch.setattr("lwtrain.memory_need.CHUNK", 0)
    with pytest.raises(ConfigError, match=r"^batch_size=12: a step of all layers .* Choose a smaller model.width"):
        check(BackpropSchedule(1), 10 * KIB, monkeypatch)


def test_a_front_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = WaveSchedule(1, 1, front="memory")
    need = memory_need(tiny_stack(), tiny_data(), schedule)
    monkeypatch.setattr("lwtrain.enough_memory.MARGIN", 1.0)
    with pytest.raises(ConfigError, match=r"^front=memory: activations take .* Choose front=disk or front=recompute$"):
        check(schedule, need.work + need.front - 1, monkeypatch)
    check(schedule, need.work + need.front, monkeypatch)
    check(WaveSchedule(1, 1, front="disk"), need.work, monkeypatch)


def test_a_need_that_is_close_is_pointed_out_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    schedule = WaveSchedule(1, 1, front="recompute")
    need = memory_need(tiny_stack(), tiny_data(), schedule)
    check(schedule, need.work - 1, monkeypatch)
    assert [line.partition(" are needed")[0] for line in caplog.messages if "needed" in line] == [
        f"batch_size=12: about {need.work / 2**20:.1f} MiB"
    ]


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), False),
    ],
)
def test_only_errors_of_memory_are_told(error: Exception, memory: bool) -> None:
    schedule = WaveSchedule(1, 1)
    assert ran_out_of_memory(error) == memory
    with (
        pytest.raises(TrainingError if memory else type(error)),
        memory_told(tiny_trainer(schedule), tiny_stack(), schedule),
    ):
        raise error


SETTINGS = [
    *("model=vgg8b", "model.layer_depth=3", "encoder=c", "dataset=fake", "dataset.num_images=600"),
    *("dataset.image_size=32", "dataset.augmentation=none", "batch_size=400", "front=recompute", "precision=32"),
    *("trainer.accelerator=cpu", "progress=none", "logger.tensorboard=false", "schedule.epochs=1", "schedule.waves=1"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit addresses")
@pytest.mark.parametrize("foreseen", ["foreseen", "unforeseen"])
def test_a_process_without_memory_is_told_what_helps(foreseen: str, tmp_path: Path) -> None:
    worker = Path(__file__).with_name("limited_memory_worker.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    command = [sys.executable, str(worker), foreseen, "600", str(tmp_path), *SETTINGS]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    kind, *lines = run.stdout.splitlines()
    if foreseen == "foreseen":
        assert kind == "ConfigError"
        assert len(lines) == 1
        assert lines[0].startswith("batch_size=400: a step of layer_0 needs about ")
        assert not (tmp_path / "split.json").exists()
    else:
        assert kind == "TrainingError"
        assert lines == [
            "layer_0: out of memory in training of wave 1, epoch 1, step 1; checkpoints of earlier epochs are kept.",
            "Choose a smaller batch_size, micro_batch or encoder=pool",
        ]
