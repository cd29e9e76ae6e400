from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lwtrain.pictures.drawing import Sheet


def sheet(images: torch.Tensor) -> Sheet:
    made = Sheet(2, cell=1.0)
    made.title("A title that is wider than the pictures")
    made.pictures(images, ["one", "two", "three"])
    return made


def test_the_same_pictures_give_the_same_file(tmp_path: Path) -> None:
    images = torch.rand(3, 3, 8, 8)
    one, other = (sheet(images).save(tmp_path / name).read_bytes() for name in ("one.png", "other.png"))
    assert one == other


def test_pages_are_dark_on_white_and_as_wide_as_their_title(tmp_path: Path) -> None:
    made = sheet(torch.zeros(3, 1, 8, 8))
    pixels = np.asarray(Image.open(made.save(tmp_path / "page.png")).convert("RGB"))
    assert (pixels[0] == 255).all()
    assert (pixels[:, -10:] == 255).all()  # nothing is cut off at the right
    assert (pixels == 0).all(axis=2).sum() > 3 * 140**2  # three black pictures of an inch


def test_colours_are_those_of_the_images(tmp_path: Path) -> None:
    colours = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 1.0]])[:, :, None, None].expand(2, 3, 8, 8)
    made = Sheet(2, cell=1.0)
    made.pictures(colours)
    pixels = np.asarray(Image.open(made.save(tmp_path / "page.png")).convert("RGB"))
    middle = pixels[int(0.65 * 150)]
    assert middle[int(0.65 * 150)].tolist() == [255, 0, 0]
    assert middle[int(1.7 * 150)].tolist() == [0, 128, 255] or middle[int(1.7 * 150)].tolist() == [0, 127, 255]
