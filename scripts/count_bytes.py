"""Count what travels between processes in a training step: python scripts/count_bytes.py [SETTING=VALUE ...].

Two processes on the CPU train each layer, and then the whole network end to end, for one step of a few images. Counted
is what data parallelism hands to its all-reduce (by a hook), beside what the parameters that learn take, and the
batch-norm statistics that it hands out before each step. Takes half a minute.
"""

# ruff: noqa: I001
import lwtrain  # before Lightning, which imports torchvision

import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch.distributed import GradBucket  # type: ignore[attr-defined]  # which torch does not list
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.multiprocessing.spawn import start_processes
from torch.nn.parallel import DistributedDataParallel

from lwtrain.config.loading import load_config
from lwtrain.data.load import Split
from lwtrain.from_config import assemble_network
from lwtrain.quiet import quiet_trainer
from lwtrain.stack import LayerStack

PROCESSES, IMAGES, CLASSES = 2, 8, 10
SHAPE = (3, 32, 32)


class Travelling(pl.Callback):
    """Counts the bytes of each epoch's one step; stands behind the schedule, which wraps the network.

    Attributes:
        rows: (who trains, bytes of the gradients handed on, of the parameters that learn, of the statistics).
    """

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, int, int]] = []
        self._bytes = 0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Count what the newly wrapped network hands on."""
        assert isinstance(trainer.strategy.model, DistributedDataParallel)
        trainer.strategy.model.register_comm_hook(None, self._count)
        self._bytes = 0

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the count."""
        assert isinstance(pl_module, LayerStack)
        assert isinstance(trainer.strategy.model, DistributedDataParallel)
        name = "end to end" if pl_module.end_to_end else pl_module.active_name
        learn = sum(parameter.nbytes for parameter in pl_module.parameters() if parameter.requires_grad)
        statistics = sum(buffer.nbytes for buffer in trainer.strategy.model.modules_buffers)
        self.rows.append((name, self._bytes, learn, statistics))

    def _count(self, state: None, bucket: GradBucket) -> torch.futures.Future[torch.Tensor]:
        self._bytes += bucket.buffer().nbytes
        everybody = torch.distributed.group.WORLD
        assert everybody is not None, "the Trainer has made it"
        return allreduce_hook(everybody, bucket)


def count(words: Sequence[str], schedule: lwtrain.LayerSchedule) -> list[tuple[str, int, int, int]]:
    """Train for one step each, and give what travelled."""
    torch.manual_seed(0)
    stack = assemble_network(load_config(words), SHAPE, CLASSES)
    images = torch.randint(0, 256, (IMAGES, *SHAPE), dtype=torch.uint8)
    split = Split(images, torch.arange(IMAGES) % CLASSES)
    data = lwtrain.SemiSupervisedDataModule(split, split, validation="test", batch_size=IMAGES)
    data.num_classes = CLASSES
    travelling = Travelling()
    together: dict[str, Any] = {"devices": PROCESSES, "strategy": DDPStrategy(process_group_backend="gloo")}
    trainer = quiet_trainer(schedule, travelling, accelerator="cpu", limit_val_batches=0, **together)
    trainer.fit(stack, datamodule=data)
    return travelling.rows


def work(rank: int, port: int, words: Sequence[str]) -> None:
    """Be one of the processes; the first shows the table."""
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": PROCESSES, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()} | {"TORCHELASTIC_RUN_ID": "as torchrun does"}
    torch.set_num_threads(1)
    rows = [*count(words, lwtrain.WaveSchedule(epochs=1, waves=1)), *count(words, lwtrain.BackpropSchedule(epochs=1))]
    if rank == 0:
        whole = rows[-1][1]
        print("| who trains | gradients, bytes | of end to end | parameters that learn, bytes | statistics, bytes |")
        print("|---|---|---|---|---|")
        for name, gradients, learn, statistics in rows:
            print(f"| {name} | {gradients:,} | {gradients / whole:.1%} | {learn:,} | {statistics:,} |")


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start_processes(work, (port, sys.argv[1:]), nprocs=PROCESSES, start_method="fork")


if __name__ == "__main__":
    main()
