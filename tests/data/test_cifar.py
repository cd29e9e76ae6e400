from pathlib import Path

import numpy as np
import torch
from small_sets import archive_of, cifar_records, describe_set, small_cifar10, with_archive, write

from lwtrain.data.catalog import CATALOG
from lwtrain.data.load import load_dataset


def test_cifar10_keeps_the_order_of_its_files(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    write(info, contents, tmp_path)
    dataset = load_dataset(info, tmp_path)
    assert dataset.train.labels.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert dataset.test.labels.tolist() == [5, 6]
    assert dataset.train.images.dtype == torch.uint8
    assert dataset.train.labels.dtype == torch.int64


def test_cifar10_pixels_are_red_green_and_blue_planes_row_by_row(tmp_path: Path) -> None:
    info, contents = small_cifar10()
    write(info, contents, tmp_path)
    second = load_dataset(info, tmp_path).train.images[1]
    record = contents[0][3073:]
    assert second[0, 0].tolist() == list(record[1:33])
    assert second[2, 31].tolist() == list(record[-32:])


def test_cifar100_labels_are_the_fine_ones(tmp_path: Path) -> None:
    contents = [cifar_records((4, 0), (1, 1), (19, 99)), cifar_records((0, 55), (5, 87))]
    info = describe_set("cifar100", contents, num_train=3, num_test=2)
    archive = archive_of(info, contents)
    (tmp_path / "cifar-100-binary.tar.gz").write_bytes(archive)
    dataset = load_dataset(with_archive(info, archive), tmp_path)
    assert [dataset.classes[label] for label in dataset.train.labels] == ["apple", "aquarium_fish", "worm"]
    assert [dataset.classes[label] for label in dataset.test.labels] == ["otter", "television"]
    pixels = np.frombuffer(contents[0], np.uint8).reshape(3, 3074)[:, 2:]
    assert np.array_equal(dataset.train.images.numpy().reshape(3, 3072), pixels)


def test_class_names_are_whole_and_in_order() -> None:
    assert len(set(CATALOG["cifar100"].classes)) == 100
    assert list(CATALOG["cifar100"].classes) == sorted(CATALOG["cifar100"].classes)
    assert list(CATALOG["cifar10"].classes) == sorted(CATALOG["cifar10"].classes)


def test_the_real_cifar10_has_equally_many_images_of_each_class(cifar10_dir: Path) -> None:
    dataset = load_dataset("cifar10", cifar10_dir)
    assert dataset.train.images.shape == (50_000, 3, 32, 32)
    assert dataset.test.images.shape == (10_000, 3, 32, 32)
    assert dataset.train.labels.bincount().tolist() == [5_000] * 10
    assert dataset.test.labels.bincount().tolist() == [1_000] * 10
    # The means that the field has normalised by for years: a wrong byte order would move them.
    means = dataset.train.images.float().mean((0, 2, 3)) / 255
    assert torch.allclose(means, torch.tensor([0.4914, 0.4822, 0.4465]), atol=1e-4)
