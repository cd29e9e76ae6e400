"""Images that need no file: for trying things out, and for sizes that no data set comes in. No torch in here."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lwtrain.data.dataset_info import DatasetInfo, equally_many
from lwtrain.data.published_set import Arrays
from lwtrain.errors import ConfigError

_SEED = 2019
_MOST_WAVES = 3  # that a class's pattern has across an image
_STRONGEST = 0.5  # how much of an image is the pattern, at most; the rest is noise


@dataclass(frozen=True, kw_only=True)
class FakeSet(DatasetInfo):
    """Noise, with a pattern for each class in it; always the same images."""


def fake_set(num_images: int = 1000, num_classes: int = 10, channels: int = 3, image_size: int = 32) -> FakeSet:
    """Describe fake images.

    Args:
        num_images: To train on, shared out to the classes; a fifth as many are there to test on.
        num_classes: How many classes there are, called "0", "1", ...
        channels: Of each image; 1 is grey.
        image_size: Height and width.

    Raises:
        ConfigError: If there are fewer than two images of each class.

    Example:
        >>> fake_set(num_images=100, num_classes=3).train_per_class
        (34, 33, 33)
    """
    if num_images < 2 * num_classes:
        least = f"choose {2 * num_classes} or more, two of each class"
        raise ConfigError(f"dataset.num_images={num_images}: {least}")
    return FakeSet(
        name="fake",
        title="random images",
        classes=tuple(map(str, range(num_classes))),
        channels=channels,
        image_size=image_size,
        train_per_class=equally_many(num_images, num_classes),
        test_per_class=equally_many(max(num_classes, num_images // 5), num_classes),
    )


def draw_images(info: FakeSet) -> tuple[Arrays, Arrays]:
    """Draw training and test images.

    The pattern of a class is a plane wave in each channel, with a direction, length and phase of its own. How strong
    it is differs from image to image: in some there is next to nothing to be seen. The fewer the pixels, the more of
    those nobody gets right.

    Returns:
        Images (num_images, channels, height, width) and labels (num_images,), the classes taking turns; of both splits.
    """
    generator = np.random.default_rng(_SEED)
    patterns = np.stack(list(_patterns(info, generator)))
    train, test = (_draw(num, patterns, generator) for num in (info.num_train, info.num_test))
    return train, test


def _patterns(info: FakeSet, generator: np.random.Generator) -> Iterator[NDArray[np.float32]]:
    y, x = np.mgrid[: info.image_size, : info.image_size] / info.image_size
    for _ in info.classes:
        across, down = generator.uniform(-_MOST_WAVES, _MOST_WAVES, 2)
        phase = generator.uniform(0, 1, (info.channels, 1, 1))
        yield (127.5 + 127.5 * np.cos(2 * np.pi * (across * x + down * y + phase))).astype(np.float32)


def _draw(num_images: int, patterns: NDArray[np.float32], generator: np.random.Generator) -> Arrays:
    labels = (np.arange(num_images) % len(patterns)).astype(np.int64)
    images = np.empty((num_images, *patterns.shape[1:]), np.uint8)
    for image, label in zip(images, labels, strict=True):
        noise = generator.integers(0, 256, image.shape, np.uint8)
        share = np.float32(generator.uniform(0, _STRONGEST))
        image[:] = share * patterns[label] + (1 - share) * noise
    return images, labels
