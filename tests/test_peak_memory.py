import subprocess
import sys

import torch

from lwtrain.peak_memory import peak_memory_mib


def test_the_peak_is_that_of_this_process() -> None:
    before = peak_memory_mib()
    assert 50 < before < 100_000
    ballast = torch.ones(64 * 2**20 // 4)
    assert before <= peak_memory_mib() < before + 1000
    assert len(ballast)


def test_the_peak_is_not_that_of_the_process_that_started_it() -> None:
    ballast = torch.ones(1200 * 2**20 // 4)
    code = "from lwtrain.peak_memory import peak_memory_mib; print(peak_memory_mib())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(child.stdout) < peak_memory_mib() - 500
    assert len(ballast)
