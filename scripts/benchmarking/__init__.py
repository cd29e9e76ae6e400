"""The parts of scripts/benchmark.py. What judges needs no torch, and so is small beside the processes it starts."""

import lwtrain  # noqa: F401 - before any part imports Lightning, which imports torchvision
