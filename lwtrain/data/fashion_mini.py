"""The bundled set: 12,000 images of Fashion-MNIST, as many of each class, in two PNG pictures.

A picture shows its images side by side, without gaps, 100 to a row. The column says the class: images of class c stand
in the columns c, c + 10, c + 20, ..., so labels need no file of their own, and read row by row the classes take turns.
scripts/make_fashion_mini.py made the pictures.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwtrain.data.official_files import damaged
from lwtrain.data.published_set import Arrays, DataFile, FileContent, PublishedSet

BUNDLED = Path(__file__).with_name("bundled")
COLUMNS = 100
GARMENTS = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def read_picture(info: PublishedSet, files: Sequence[FileContent]) -> Arrays:
    """Cut a picture up into its images.

    Returns:
        Images (num_images, 1, height, width) and labels (num_images,), row by row.

    Raises:
        DataError: If the file is no grey PNG picture of whole rows of images.
    """
    (file,) = files
    picture = _read_grey_png(info, file)
    size = info.image_size
    if picture.shape[0] % size or picture.shape[1] != COLUMNS * size:
        raise damaged(info, file.path, f"shows {picture.shape[1]}x{picture.shape[0]} pixels, no whole rows of images")
    images = picture.reshape(-1, size, COLUMNS, size).swapaxes(1, 2).reshape(-1, 1, size, size)
    return images, (np.arange(len(images)) % info.num_classes).astype(np.uint8)


def _read_grey_png(info: PublishedSet, file: FileContent) -> NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(BytesIO(file.content), formats=["PNG"]) as picture:
            if picture.mode != "L":
                raise ValueError(f"its mode is {picture.mode}, not L")
            return np.array(picture)
    except Exception as error:  # a decoder may stumble in any way over bytes that are no picture
        raise damaged(info, file.path, f"cannot be read as a grey PNG picture: {error}") from error


FASHION_MINI = PublishedSet(
    name="fashion_mini",
    title="the bundled set",
    classes=GARMENTS,
    channels=1,
    image_size=28,
    train_per_class=(1_000,) * 10,
    test_per_class=(200,) * 10,
    read=read_picture,
    train_files=(DataFile("fashion_mini_train.png", 4_044_425, "4626bfa7dc7949bceec00a8c0b684b52"),),
    test_files=(DataFile("fashion_mini_test.png", 816_690, "34c15a8f782c656426e0ed0273b177a2"),),
    bundled_in=BUNDLED,
)
