"""CIFAR-10 and CIFAR-100 from their binary version: records of label bytes, then red, green and blue planes.

Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
The version made for Python holds the same images as pickles, which can run code when they are read.
"""

from collections.abc import Sequence

import numpy as np

from lwtrain.data.official_files import damaged
from lwtrain.data.published_set import Arrays, DataFile, FileContent, PublishedSet

_PUBLISHER = "https://www.cs.toronto.edu/~kriz"


def read_one_label(info: PublishedSet, files: Sequence[FileContent]) -> Arrays:
    """Read CIFAR-10's records: a label, 3,072 pixels.

    Returns:
        Images (num_images, channels, height, width) and labels (num_images,), in the order of the files.

    Raises:
        DataError: If a file is no whole number of records.
    """
    return _read_records(info, files, num_labels=1)


def read_fine_label(info: PublishedSet, files: Sequence[FileContent]) -> Arrays:
    """Read CIFAR-100's records: a coarse label (left out), a fine label, 3,072 pixels; the rest as `read_one_label`."""
    return _read_records(info, files, num_labels=2)


def _read_records(info: PublishedSet, files: Sequence[FileContent], num_labels: int) -> Arrays:
    shape = (info.channels, info.image_size, info.image_size)
    record = num_labels + info.channels * info.image_size**2
    for path, content in files:
        if len(content) % record:
            raise damaged(info, path, f"holds {len(content):,} bytes, no whole number of records of {record:,}")
    records = [np.frombuffer(content, np.uint8).reshape(-1, record) for _, content in files]
    images = np.concatenate([rows[:, num_labels:].reshape(-1, *shape) for rows in records])
    labels = np.concatenate([rows[:, num_labels - 1] for rows in records])
    return images, labels


def _records_file(path: str, num_images: int, num_labels: int, md5: str) -> DataFile:
    return DataFile(path, num_images * (num_labels + 3 * 32 * 32), md5)


CIFAR10 = PublishedSet(
    name="cifar10",
    title="CIFAR-10",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    channels=3,
    image_size=32,
    train_per_class=(5_000,) * 10,
    test_per_class=(1_000,) * 10,
    read=read_one_label,
    train_files=(
        _records_file("cifar-10-batches-bin/data_batch_1.bin", 10_000, 1, "5dd7e06a14cb22eb9f671a540d1b7c25"),
        _records_file("cifar-10-batches-bin/data_batch_2.bin", 10_000, 1, "5ea93a67294ea407fff1d09f752e9692"),
        _records_file("cifar-10-batches-bin/data_batch_3.bin", 10_000, 1, "942cd6a4bcdd0dd3c604fbe906cb4421"),
        _records_file("cifar-10-batches-bin/data_batch_4.bin", 10_000, 1, "ae636b3ba5c66a11e91e8cb52e771fcb"),
        _records_file("cifar-10-batches-bin/data_batch_5.bin", 10_000, 1, "53f37980c15c3d472c316c40844f3f0d"),
    ),
    test_files=(_records_file("cifar-10-batches-bin/test_batch.bin", 10_000, 1, "803d5f7f4d78ea53de84dbe85f74fb6d"),),
    archive=DataFile(
        "cifar-10-binary.tar.gz",
        170_052_171,
        "c32a1d4ab5d03f1284b67883e8d87530",
        urls=(f"{_PUBLISHER}/cifar-10-binary.tar.gz",),
    ),
)

_FINE_LABELS = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""

CIFAR100 = PublishedSet(
    name="cifar100",
    title="CIFAR-100",
    classes=tuple(_FINE_LABELS.split()),
    channels=3,
    image_size=32,
    train_per_class=(500,) * 100,
    test_per_class=(100,) * 100,
    read=read_fine_label,
    train_files=(_records_file("cifar-100-binary/train.bin", 50_000, 2, "6172c7755cfe09b2fe270c85cebc1b15"),),
    test_files=(_records_file("cifar-100-binary/test.bin", 10_000, 2, "4499cfba6c016c1be1438163640a0898"),),
    archive=DataFile(
        "cifar-100-binary.tar.gz",
        168_513_733,
        "03b5dce01913d631647c71ecec9e9cb8",
        urls=(f"{_PUBLISHER}/cifar-100-binary.tar.gz",),
    ),
)
