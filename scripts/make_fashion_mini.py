"""Make the bundled data set out of Fashion-MNIST: python scripts/make_fashion_mini.py [DATA_DIR] (6 seconds).

Draws 1,000 training and 200 test images of every class and writes them as lossless pictures, laid out as
lwtrain/data/fashion_mini.py reads them. Prints the lines that describe the pictures there. Nothing else is done to an
image. Fashion-MNIST is downloaded into DATA_DIR ("data") if it is not there.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from lwtrain.data.fashion_mini import BUNDLED, COLUMNS, FASHION_MINI
from lwtrain.data.load import Split, load_dataset

SEED = 0


def draw(split: Split, per_class: int) -> NDArray[np.uint8]:
    """Draw images of every class: (10 * per_class, height, width), the classes taking turns."""
    # The stream of the legacy generator never changes (NEP 19), so neither do the pictures.
    generator = np.random.RandomState(SEED)
    labels = split.labels.numpy()
    members = [generator.permutation(np.flatnonzero(labels == number))[:per_class] for number in range(10)]
    return split.images[torch.from_numpy(np.stack(members, axis=1).ravel())].numpy()[:, 0]


def lay_out(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Set images side by side, COLUMNS to a row."""
    num_images, height, width = images.shape
    rows = images.reshape(num_images // COLUMNS, COLUMNS, height, width).swapaxes(1, 2)
    return rows.reshape(-1, COLUMNS * width)


def main() -> None:
    source = load_dataset("fashion_mnist", sys.argv[1] if len(sys.argv) > 1 else "data")
    assert source.test is not None
    for split, num_images, (file,) in (
        (source.train, FASHION_MINI.num_train, FASHION_MINI.train_files),
        (source.test, FASHION_MINI.num_test, FASHION_MINI.test_files),
    ):
        path = Path(BUNDLED, file.name)
        Image.fromarray(lay_out(draw(split, num_images // 10))).save(path, optimize=True)
        content = path.read_bytes()
        print(f'DataFile("{file.name}", {len(content):_}, "{hashlib.md5(content).hexdigest()}")')


if __name__ == "__main__":
    main()
