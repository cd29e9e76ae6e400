"""Runs so small that they take seconds, of which everything is there that a run leaves."""

from pathlib import Path

from lwtrain.config.loading import load_config
from lwtrain.config.run_folders import store_settings
from lwtrain.training import train

CLASSIFIER = (
    "model=vgg8b",
    "model.width=0.0625",
    "dataset=fake",
    "dataset.num_images=150",
    "dataset.num_classes=3",
    "dataset.image_size=16",
    "encoder=c",
    "encoder.hidden=16",
    "schedule.epochs=2",
    "schedule.waves=2",
    "batch_size=15",
)
AUTOENCODER = (
    "experiment=conv_autoencoder",
    "dataset=fake",
    "dataset.num_images=150",
    "dataset.num_classes=3",
    "dataset.channels=1",
    "dataset.image_size=28",
    "dataset.augmentation=none",
    "schedule.epochs=2",
    "batch_size=30",
)


def train_small(folder: Path, *words: str) -> Path:
    """Train, and give the run's folder."""
    config = load_config([*words, "progress=none", "precision=32", "trainer.accelerator=cpu"])
    store_settings(config, folder)
    train(config, folder)
    return folder
