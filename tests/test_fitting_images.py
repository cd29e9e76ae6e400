"""Data that do not fit the network are named before anything is computed."""

import re

import pytest
import torch
from tiny import CLASSES, SHAPE, fit, tiny_images, tiny_stack, tiny_trainer
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import SemiSupervisedDataModule, Split, WaveSchedule

OTHER_SIZE = Split(torch.zeros(24, 3, 9, 9, dtype=torch.uint8), torch.arange(24) % CLASSES)
OTHER_CHANNELS = Split(torch.zeros(24, 1, 8, 8, dtype=torch.uint8), torch.arange(24) % CLASSES)
OTHER_CLASSES = Split(torch.zeros(24, *SHAPE, dtype=torch.uint8), torch.arange(24) % (CLASSES + 2))
mistakes = pytest.mark.parametrize(
    ("split", "complaint"),
    [
        (OTHER_SIZE, "images=3x9x9: this network reads 3x8x8, its input_shape"),
        (OTHER_CHANNELS, "images=1x8x8: this network reads 3x8x8, its input_shape"),
        (OTHER_CLASSES, "labels=4: this network's num_classes=3 are 0 to 2"),
    ],
    ids=["size", "channels", "classes"],
)


@mistakes
@pytest.mark.parametrize("place", ["train", "test"])
def test_a_data_module_is_looked_at_first(split: Split, complaint: str, place: str) -> None:
    good = tiny_images(24)
    data = SemiSupervisedDataModule(
        *((split, good) if place == "train" else (good, split)), validation=0.25, batch_size=12
    )
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        fit(WaveSchedule(1, 1), data=data)


@mistakes
@pytest.mark.parametrize("num_sanity_val_steps", [0, 2])
def test_so_is_the_first_batch_of_any_loader(split: Split, complaint: str, num_sanity_val_steps: int) -> None:
    loader, schedule = (
        DataLoader(TensorDataset(split.images, split.labels), batch_size=24),
        WaveSchedule(1, 1, front="recompute"),
    )
    trainer = tiny_trainer(schedule, num_sanity_val_steps=num_sanity_val_steps)
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        trainer.fit(tiny_stack(), loader, loader)
