"""A network, a data set and a Trainer so small that a whole run takes a fraction of a second.

Float32 on one thread: what has to agree bit for bit does so on any machine.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from lwtrain import LayerSchedule
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone
from lwtrain.building import build_stack
from lwtrain.checkpoints import AtomicCheckpointIO, RunCheckpoints
from lwtrain.data.load import Split
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.optimizers import MakeOptimizer
from lwtrain.stack import LayerStack
from lwtrain.votes import VoteRule

torch.set_num_threads(1)

CLASSES = 3
SHAPE = (3, 8, 8)


def tiny_backbone(*, dropout: float = 0.1, channels: int = 4) -> Backbone:
    """Two layers with a map behind the first, and a head: 3x8x8, 4x8x8, 4x4x4, 6x4x4, logits."""
    layers = [_convolution(SHAPE[0], channels), _convolution(channels, 6)]
    head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(6 * 4 * 4, CLASSES))
    return Backbone("tiny", SHAPE, CLASSES, layers, [nn.MaxPool2d(2), nn.Identity()], head)


def _convolution(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.BatchNorm2d(channels_out), nn.ReLU())


def tiny_stack(
    seed: int = 0,
    *,
    encoder: str = "c",
    objective: str = "by_task",
    alpha: float | str = "learned",
    dropout: float = 0.1,
    channels: int = 4,
    optimizer: MakeOptimizer | None = None,
    vote_rule: VoteRule | None = None,
) -> LayerStack:
    """A stack with weights drawn by `seed`; everything that can upset bits is on: dropout, batch norm, alpha."""
    torch.manual_seed(seed)
    stack = build_stack(
        tiny_backbone(dropout=dropout, channels=channels),
        encoder=encoder,
        encoder_settings={"grid": 2} if encoder == "pool" else {"hidden": 8, "dropout": dropout},
        objective=objective,
        objective_settings={} if objective == "prediction" else {"alpha": alpha},
        optimizer=optimizer,
        vote_rule=vote_rule,
    )
    return stack.to(memory_format=torch.channels_last)


def tiny_autoencoder(
    seed: int = 0,
    *,
    objective: str = "reconstruction",
    channels: Sequence[int] = (4, 6),
    code: int = 3,
    optimizer: MakeOptimizer | None = None,
    micro_batch: int | None = None,
) -> LayerStack:
    """An autoencoder with weights drawn by `seed`: 3x8x8, 4x4x4, 6x2x2, a code of 3 numbers, and all the way back."""
    torch.manual_seed(seed)
    backbone = BACKBONES["conv_autoencoder"]("conv_autoencoder", SHAPE, CLASSES, channels=channels, code=code)
    stack = build_stack(backbone, encoder="mirror", objective=objective, optimizer=optimizer, micro_batch=micro_batch)
    return stack.to(memory_format=torch.channels_last)


def tiny_images(num_images: int = 48, seed: int = 0) -> Split:
    """Images that can be told apart: noise, and a channel of its own that is brighter for each class."""
    labels = torch.arange(num_images) % CLASSES
    images = torch.randint(0, 180, (num_images, *SHAPE), generator=torch.Generator().manual_seed(seed))
    images[torch.arange(num_images), labels] += 75
    return Split(images.to(torch.uint8), labels)


def tiny_data(**settings: Any) -> SemiSupervisedDataModule:
    """36 training images, 12 of them labelled, 12 for validation and 12 for tests; by default in 4 batches of 12."""
    given = {"labels": 12, "validation": 0.25, "batch_size": 12} | settings
    return SemiSupervisedDataModule(tiny_images(), tiny_images(12, seed=1), **given)


def tiny_trainer(
    *callbacks: pl.Callback, folder: Path | None = None, config: dict[str, Any] | None = None, **settings: Any
) -> pl.Trainer:
    """A Trainer that shows nothing; with a folder, the run's checkpoints go there."""
    checkpoints = [] if folder is None else [RunCheckpoints(folder, config)]
    given: dict[str, Any] = {
        "accelerator": "cpu",
        "logger": False,
        "max_epochs": -1,
        "num_sanity_val_steps": 0,
        "log_every_n_steps": 1,
    }
    return pl.Trainer(
        callbacks=[*checkpoints, *callbacks],  # the Trainer calls checkpoints last
        plugins=[AtomicCheckpointIO()],
        enable_checkpointing=folder is not None,
        enable_progress_bar=False,
        enable_model_summary=False,
        **given | {"log_every_n_steps": 1} | settings,
    )


def fit(
    schedule: LayerSchedule,
    stack: LayerStack | None = None,
    data: pl.LightningDataModule | None = None,
    *,
    callbacks: Sequence[pl.Callback] = (),
    resume: Path | None = None,
    seed: int = 0,
    **settings: Any,
) -> LayerStack:
    """Carry a schedule out; `seed` is that of the global generator, which the run's own randomness follows from."""
    stack = stack or tiny_stack()
    if resume is not None:
        settings.setdefault("folder", resume.parent)
    trainer = tiny_trainer(schedule, *callbacks, **settings)
    torch.manual_seed(seed)
    trainer.fit(stack, datamodule=data or tiny_data(), ckpt_path=resume, weights_only=True)
    return stack


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """Copies of all parameters and buffers by name, also of those that no checkpoint holds."""
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in named}


def differing(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """The names of the tensors that are not bitwise equal."""
    assert one.keys() == other.keys()
    return [name for name in one if not torch.equal(one[name], other[name])]
