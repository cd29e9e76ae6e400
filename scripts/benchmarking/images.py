"""What is trained on: CIFAR-10's first images, or noise of their shape."""

from pathlib import Path

import torch

from benchmarking.networks import CLASSES
from lwtrain.data.load import Split, load_dataset

SHAPE = (3, 32, 32)


def make_images(num_images: int, seed: int, data_dir: str | None) -> Split:
    """Give images and labels, in memory.

    Args:
        num_images: How many; with CIFAR-10 50,000 at most.
        seed: Decides the noise.
        data_dir: Where CIFAR-10 lies; None: noise.

    Raises:
        ValueError: If there are not as many images.
    """
    if data_dir is None:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randint(0, 256, (num_images, *SHAPE), dtype=torch.uint8, generator=generator)
        return Split(noise, torch.arange(num_images) % CLASSES)
    train = load_dataset("cifar10", Path(data_dir)).train
    if num_images > len(train):
        raise ValueError(f"--images={num_images}: CIFAR-10 has {len(train)}")
    return first(train, num_images)


def first(split: Split, num_images: int) -> Split:
    """Give the first images of a split."""
    return Split(split.images[:num_images], split.labels[:num_images])
