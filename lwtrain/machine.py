"""On what machine a run or a benchmark was made. Plain Python: no torch in here."""

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_GPUS = Path("/proc/driver/nvidia/gpus")


@cache
def describe_machine() -> dict[str, str | int]:
    """Give what the figures depend on, by name."""
    given = {name: os.environ[name] for name in _THREADS if name in os.environ}
    return {
        "cpu": cpu_model(),
        "cores": num_cores(),
        "gpu": gpu_model(),
        "memory_gib": memory_gib(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "pytorch_lightning": version("pytorch-lightning"),
        **given,
    }


def machine_name() -> str:
    """Tell machines apart: samples of one are not mixed with those of another."""
    return ", ".join(f"{name} {value}" for name, value in describe_machine().items() if name != "memory_gib")


def cpu_model() -> str:
    """Give the processor's name, as well as the system tells it."""
    information = Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def gpu_model() -> str:
    """Give the name of the first NVIDIA GPU, or none."""
    for file in sorted(_GPUS.glob("*/information")):
        for line in file.read_text().splitlines():
            if line.startswith("Model:"):
                return line.partition(":")[2].strip()
    return "none"


def num_cores() -> int:
    """Give how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_gib() -> int:
    """Give the machine's memory, in GiB."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
