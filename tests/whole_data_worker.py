"""Two processes, and then three, that share data which do not divide; started with a port and a folder."""

# ruff: noqa: I001
import lwtrain  # before Lightning, which imports torchvision

import os
import sys
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy

from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.data import module
from lwtrain.judgement import judgement
from lwtrain.stack import LayerStack
from tiny import fit, tiny_autoencoder, tiny_data, tiny_stack, tiny_trainer
from uneven import WAVES, one_test_image, uneven_data


def together() -> dict[str, Any]:
    return {"devices": int(os.environ["WORLD_SIZE"]), "strategy": DDPStrategy(process_group_backend="gloo")}


class Judged(pl.Callback):
    """Keeps what is taken for what, while the opinions are there."""

    counts: torch.Tensor

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, LayerStack)
        said = judgement(pl_module)
        assert said is not None
        self.counts = said.counts


def fitted(front: str, **settings: Any) -> dict[str, Any]:
    judged = Judged()
    schedule = lwtrain.WaveSchedule(**WAVES, front=front)
    stack = fit(schedule, tiny_stack(), uneven_data(), callbacks=[judged], **together(), **settings)
    found = {"weights": stack.state_dict(), "val": dict(stack.figures), "counts": judged.counts}
    trainer = tiny_trainer(**together())
    trainer.validate(stack, datamodule=uneven_data(), verbose=False)
    trainer.test(stack, datamodule=one_test_image(), verbose=False)
    return found | {"measured": dict(stack.figures)}


def rebuilt() -> dict[str, Any]:
    stack = fit(
        lwtrain.BackpropSchedule(1), tiny_autoencoder(), uneven_data(), callbacks=[ReconstructionError()], **together()
    )
    return {"weights": stack.state_dict(), "figure": stack.figures["val/reconstruction"]}


def refusal(settings: dict[str, Any]) -> str:
    try:
        tiny_trainer(**together()).fit(tiny_stack(), datamodule=tiny_data(**settings))
    except ValueError as error:
        return str(error)
    return ""


def main(rank: int, world: int, port: int, folder: Path) -> None:
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": world, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in place.items()} | {"TORCHELASTIC_RUN_ID": "as torchrun does"}
    module.CHUNK = 2  # so that a share takes several batches, and one of them may hold nothing that counts
    found: dict[str, Any] = {front: fitted(front) for front in ("memory", "recompute")}
    found["rebuilt"] = rebuilt()
    schedule = lwtrain.WaveSchedule(**WAVES)
    fit(schedule, tiny_stack(), uneven_data(), folder=folder, max_epochs=4, **together())
    again = {"resume": folder / "last.ckpt", "folder": folder / "resumed", "seed": 5}
    found["resumed"] = fit(schedule, tiny_stack(5), uneven_data(), **again, **together()).state_dict()
    found["refusals"] = [
        refusal({"batch_size": 2 * world - 1}),
        refusal({"batches": "proportional", "labels": 3, "batch_size": 2 * world}),
    ]
    torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    port, place = int(sys.argv[1]), Path(sys.argv[2])
    for world in (2, 3):  # forked: what takes longest is to import
        torch.multiprocessing.start_processes(
            main, (world, port, place / str(world)), nprocs=world, start_method="fork"
        )
