from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import tiny_stack
from torch import Tensor

from lwtrain.data.decoding import decode
from lwtrain.errors import ConfigError, DataError
from lwtrain.pictures.options import PictureOptions
from lwtrain.pictures.subjects import chosen_layers, given_images, read_image
from lwtrain.trained_run import load_run


def cropped(channels: int) -> Callable[[Path], Tensor]:
    return lambda file: torch.from_numpy(decode(file, channels, 8, "crop").copy())


def test_layers_are_named_by_number_or_as_the_head() -> None:
    stack = tiny_stack()
    assert chosen_layers(stack, None) == [0, 1, 2]
    assert chosen_layers(stack, None, head=False) == [0, 1]
    assert chosen_layers(stack, ["head", "0"]) == [0, 2]
    with pytest.raises(ConfigError, match="--layers=2: choose 0 to 1, or head"):
        chosen_layers(stack, ["2"])


def test_a_picture_fills_the_square_and_is_cut_to_its_middle(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = 200
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    image = read_image(tmp_path / "wide.png", cropped(3))
    assert (image.shape, image.dtype) == ((3, 8, 8), torch.uint8)
    assert image[:, :, 1:-1].unique().tolist() == [200]
    assert image.min() > 150  # smoothed at the edges, where black begins
    assert read_image(tmp_path / "wide.png", cropped(1)).shape == (1, 8, 8)


def test_files_that_are_no_pictures_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=r"text\.png: not a picture"):
        read_image(tmp_path / "text.png", cropped(3))
    with pytest.raises(DataError, match=r"gone\.png: there is no such file"):
        read_image(tmp_path / "gone.png", cropped(3))


def test_the_users_pictures_take_the_place_of_test_images(classifier_run: Path, tmp_path: Path) -> None:
    run = load_run(classifier_run)
    assert run.data.test is not None
    images, labels = given_images(run, PictureOptions(tmp_path, number=4), 8)
    assert torch.equal(images, run.data.test.images[:4])
    assert labels is not None
    assert torch.equal(labels, run.data.test.labels[:4])
    Image.new("RGB", (20, 20), "red").save(tmp_path / "red.png")
    images, labels = given_images(run, PictureOptions(tmp_path, images=(tmp_path / "red.png",)), 8)
    assert (images.shape, labels) == ((1, 3, 16, 16), None)
