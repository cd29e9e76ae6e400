"""Trains where the system gives this process little more memory than it has; prints what is said to it."""

# ruff: noqa: I001
from lwtrain import training  # before Lightning, which imports torchvision

import resource
import sys
from pathlib import Path

import psutil
import torch

from lwtrain.config.loading import load_config
from lwtrain.errors import ConfigError, TrainingError

torch.set_num_threads(1)

if __name__ == "__main__":
    foreseen, mebibytes, folder, *settings = sys.argv[1:]
    torch.nn.Conv2d(1, 1, 3)(torch.rand(2, 1, 8, 8)).sum().backward()  # threads reserve addresses once
    most = psutil.Process().memory_info().vms + int(mebibytes) * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if foreseen == "unforeseen":
        training.check_memory = lambda *_: None
    try:
        training.train(load_config(settings), Path(folder))
    except (ConfigError, TrainingError) as error:
        sys.stdout.write(f"{type(error).__name__}\n{error}\n")
