"""The allocator's settings hold for a whole process, so each test has one of its own."""

import subprocess
import sys

import pytest

SETTINGS = """
import torch
from lwtrain.allocator import keep_freed_memory
print(keep_freed_memory())
"""
RESIDENT = """
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the settings are glibc's")


def output(code: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", SETTINGS + RESIDENT + code], capture_output=True, text=True, check=True)
    return run.stdout.split()


def test_blocks_of_a_step_stay_and_larger_ones_go() -> None:
    # MiB that stay resident when a block has been freed
    code = """
def left(mib):
    before = resident()
    torch.ones(mib * 2**20, dtype=torch.uint8)
    return resident() - before
print(left(20), left(200))
"""
    _, kept, gone = output(code)
    assert float(kept) > 15
    assert float(gone) < 15


def test_freed_blocks_are_had_again_without_page_faults() -> None:
    # The first few lie beside each other, until there is a hole with room for a block and its alignment.
    code = """
import resource
def faults(rounds):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(rounds):
        torch.ones(20 * 2**20, dtype=torch.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults(30)
print(faults(30))
"""
    assert int(output(code)[1]) < 5120 * 30 / 10  # each block has 5,120 pages
