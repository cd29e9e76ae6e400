"""Data that neither two nor three processes can divide: 7 images to validate on, or a single one to test on."""

from tiny import tiny_images

from lwtrain.data.module import SemiSupervisedDataModule

WAVES = {"epochs": 2, "waves": 2}


def uneven_data() -> SemiSupervisedDataModule:
    """34 images to train on, 15 of them labelled, in batches of at most 12."""
    settings = {"labels": 15, "batches": "proportional", "batch_size": 12}
    return SemiSupervisedDataModule(tiny_images(34), tiny_images(7, seed=1), validation="test", **settings)


def one_test_image() -> SemiSupervisedDataModule:
    """The same images to train on, some of which validate; one to test on."""
    return SemiSupervisedDataModule(tiny_images(34), tiny_images(1, seed=1), labels=15, batch_size=8)
