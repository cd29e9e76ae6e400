"""One of several processes in a line; torch's launcher starts it with a folder."""

# ruff: noqa: I001
import lwtrain  # before Lightning, which imports torchvision

import os
import sys
from pathlib import Path
from typing import Any

import torch
from tiny import fit, tensors, tiny_data, tiny_stack

from lwtrain.data.mixup import Mixup

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no validation between": {"check_val_every_n_epoch": 2},
    "three batches of an epoch": {"limit_train_batches": 3},
    "gathered": {"accumulate_grad_batches": 2},
}


def line(**settings: Any) -> lwtrain.PipelinedSchedule:
    return lwtrain.PipelinedSchedule(epochs=2, **settings)


def main(folder: Path) -> None:
    """Train in a few ways, all in one go: starting processes is what takes time."""
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])

    def trained(schedule: lwtrain.PipelinedSchedule, stack: lwtrain.LayerStack | None = None, **settings: Any) -> Any:
        strategy = lwtrain.PipelinedStrategy(process_group_backend="gloo")
        stack = fit(schedule, stack, strategy=strategy, devices=world, **settings)
        return {"weights": tensors(stack), "figures": stack.figures}

    kept = {}
    for name, settings in CASES.items():
        kept[name] = trained(line(), **settings, folder=folder / name)
    sliced = tiny_stack()
    sliced.micro_batch = 5
    kept["sliced"] = trained(line(deal=[1] * (world - 1) + [4 - world], queue=1), sliced)
    kept["mixed"] = trained(line(), data=tiny_data(mixup=Mixup(1.0)))
    kept["resumed"] = trained(line(), resume=folder / "one" / "last.ckpt")  # of one process
    torch.save(kept, folder / f"{rank}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
