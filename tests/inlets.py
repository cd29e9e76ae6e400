"""A tiny stack whose maps train: with the layer above them, and the last one with the head."""

from collections.abc import Callable

import pytest
import pytorch_lightning as pl
import torch
from tiny import CLASSES, SHAPE, tensors, tiny_data
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.backbones.backbone import Backbone
from lwtrain.building import build_stack
from lwtrain.data.augmentation import preset
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.layer import HorizontalLayer
from lwtrain.maps import MAPS
from lwtrain.optimizers import MakeOptimizer
from lwtrain.stack import LayerStack

both_maps = pytest.mark.parametrize("map", ["conv", "decoder"])
SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "wave": lambda **settings: WaveSchedule(4, 2, **settings),
    "sequential": lambda **settings: SequentialSchedule(2, **settings),
    "simultaneous": lambda **settings: SimultaneousSchedule(2, **settings),
    "backprop": lambda **settings: BackpropSchedule(2, **settings),
}


def stack_with_inlets(
    map: str = "decoder",
    seed: int = 0,
    *,
    encoder: str = "c",
    alpha: float | str = 0.5,
    norm: bool = True,
    dropout: float = 0.1,
    optimizer: MakeOptimizer | None = None,
    micro_batch: int | None = None,
) -> LayerStack:
    """Two layers of 4 and 6 features, each behind it a map back to 3x8x8, and a head."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels) if norm else nn.Tanh(), nn.ReLU())
        for channels in (4, 6)
    ]
    maps = [MAPS[map]((channels, 8, 8), SHAPE) for channels in (4, 6)]
    head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(3 * 8 * 8, CLASSES))
    backbone = Backbone("tiny", SHAPE, CLASSES, layers, maps, head)
    settings = {"grid": 2} if encoder == "pool" else {"hidden": 8, "dropout": dropout}
    return build_stack(
        backbone,
        encoder=encoder,
        encoder_settings=settings,
        objective_settings={"alpha": alpha},
        optimizer=optimizer,
        micro_batch=micro_batch,
    )


def part(stack: LayerStack, number: int) -> HorizontalLayer:
    layer = stack.layers[number]
    assert isinstance(layer, HorizontalLayer)
    return layer


def varied_data() -> SemiSupervisedDataModule:
    """Images that look otherwise in every epoch."""
    return tiny_data(augmentation=preset("heavy_10"))


class Copies(pl.Callback):
    """Copies all tensors before and after every epoch."""

    def __init__(self) -> None:
        self.epochs: list[tuple[int, dict[str, Tensor], dict[str, Tensor]]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._before = tensors(pl_module.layers)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs.append((pl_module.learners[0], self._before, tensors(pl_module.layers)))
