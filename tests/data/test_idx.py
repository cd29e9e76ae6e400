import gzip
from pathlib import Path

import numpy as np
import pytest
from small_sets import describe_set, idx, small_mnist, write

from lwtrain.data.idx import parse_idx
from lwtrain.data.load import load_dataset
from lwtrain.errors import DataError


def test_mnist_is_read_where_torchvision_keeps_it(tmp_path: Path) -> None:
    info, contents = small_mnist()
    write(info, contents, tmp_path)
    dataset = load_dataset(info, tmp_path)
    assert sorted(path.name for path in (tmp_path / "MNIST" / "raw").iterdir())[0] == "t10k-images-idx3-ubyte.gz"
    assert dataset.train.images.shape == (3, 1, 28, 28)
    assert dataset.train.labels.tolist() == [3, 0, 9]
    assert dataset.test.labels.tolist() == [7, 1]
    assert dataset.train.images[2, 0].numpy().tobytes() == gzip.decompress(contents[0])[-784:]


@pytest.mark.parametrize("shape", [(0,), (4,), (2, 3), (3, 2, 2)])
def test_what_is_written_as_idx_is_read_back(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    assert np.array_equal(parse_idx(gzip.decompress(idx(array))), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\x00\x08",
        b"\x00\x00\x0d\x01\x00\x00\x00\x01\x00\x00\x00\x00",  # floats
        b"\x00\x00\x08\x01\x00\x00\x00\x03ab",  # a value short
        b"\x00\x00\x08\x01\x00\x00\x00\x03abcd",  # a value too many
        b"\x00\x00\x08\xff\x00\x00\x00\x03abc",  # 255 dimensions
    ],
)
def test_other_bytes_are_no_idx_array(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"it (does not start|has)"):
        parse_idx(content)


def test_images_and_labels_cannot_be_confused(tmp_path: Path) -> None:
    _, (images, labels, *_) = small_mnist()
    contents = [labels, images, images, labels]
    info = describe_set("mnist", contents, num_train=3, num_test=3)
    write(info, contents, tmp_path)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz holds an array of shape \(3,\) instead of 3 dim"):
        load_dataset(info, tmp_path)


def test_the_real_mnist_has_its_known_class_counts(mnist_dir: Path) -> None:
    dataset = load_dataset("mnist", mnist_dir)
    assert dataset.train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert dataset.test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert dataset.train.images.float().mean() / 255 == pytest.approx(0.1307, abs=1e-4)
