"""Folders of small pictures, as a user might have them."""

from pathlib import Path

import numpy as np
from PIL import Image


def save_picture(path: Path, number: int = 0, size: tuple[int, int] = (12, 10), shade: int = 0) -> None:
    """Save noise, brighter by `shade`, as a picture of (width, height) in the format that the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    noise = np.random.default_rng(number).integers(0, 100, (height, width, 3), np.uint8)
    Image.fromarray(noise + np.uint8(shade)).save(path)


def save_class(folder: Path, num_pictures: int, *, shade: int = 0, suffix: str = ".png") -> None:
    for number in range(num_pictures):
        save_picture(folder / f"{number:03}{suffix}", number, (9 + number % 7, 8 + number % 5), shade)


def pets(root: Path, *, cats: int = 6, dogs: int = 4, test: int = 2, unlabelled: int = 5) -> Path:
    """Make train/ and test/ with cats, which are dark, and dogs; and a folder beside them with both."""
    for name, number, shade in (("cat", cats, 0), ("dog", dogs, 155)):
        save_class(root / "train" / name, number, shade=shade)
        save_class(root / "test" / name, test, shade=shade)
    save_class(root / "more" / "deep", unlabelled, suffix=".JPG")
    return root
