from pathlib import Path

import pytest
import torch
from small_folders import pets

from lwtrain.data.blank import blank_dataset
from lwtrain.data.catalog import dataset_info
from lwtrain.data.load import load_dataset
from lwtrain.data.picture_folder import list_pictures


@pytest.mark.parametrize("classes", [None, ["Bag", "Coat", "Sandal"]])
def test_it_has_the_shape_and_labels_of_the_data_set(classes: list[str] | None) -> None:
    real = load_dataset("fashion_mini", image_size=20, classes=classes)
    blank = blank_dataset(dataset_info("fashion_mini").only(classes), image_size=20)
    assert blank.test is not None
    assert real.test is not None
    for made, read in ((blank.train, real.train), (blank.test, real.test)):
        assert made.images.shape == read.images.shape
        assert made.labels.sort().values.tolist() == read.labels.sort().values.tolist()
    assert blank.classes == real.classes


def test_pictures_in_folders_stay_out_of_memory(tmp_path: Path) -> None:
    root = pets(tmp_path)
    info = list_pictures(root, root / "more", image_size=24)
    blank, real = blank_dataset(info), load_dataset(info)
    assert blank.train.images.shape == real.train.images.shape == (15, 3, 24, 24)
    assert blank.train.labels.tolist() == real.train.labels.tolist()
    assert not isinstance(blank.train.images, torch.Tensor)
    assert blank.train.images[:2].shape == (2, 3, 24, 24)
