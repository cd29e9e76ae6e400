import pytest
import torch

from lwtrain.data.fake import fake_set
from lwtrain.data.load import load_dataset
from lwtrain.errors import ConfigError


@pytest.mark.parametrize(("channels", "size"), [(1, 7), (3, 32), (2, 15)])
def test_images_have_the_shape_asked_for(channels: int, size: int) -> None:
    info = fake_set(num_images=50, num_classes=4, channels=channels, image_size=size)
    dataset = load_dataset(info)
    assert dataset.test is not None
    assert dataset.train.images.shape == (50, channels, size, size)
    assert dataset.test.images.shape == (10, channels, size, size)
    assert tuple(dataset.train.labels.bincount().tolist()) == info.train_per_class == (13, 13, 12, 12)
    assert tuple(dataset.test.labels.bincount().tolist()) == info.test_per_class


def test_they_are_always_the_same() -> None:
    torch.manual_seed(1)
    one = load_dataset(fake_set(40)).train.images[:]
    torch.manual_seed(2)
    assert torch.equal(one, load_dataset(fake_set(40)).train.images[:])


def test_images_of_a_class_have_something_in_common_that_test_images_share() -> None:
    dataset = load_dataset(fake_set(num_images=400, num_classes=4, channels=1, image_size=9))
    assert dataset.test is not None
    train, test = (split.images[:].flatten(1).float() for split in (dataset.train, dataset.test))
    means = torch.stack([train[dataset.train.labels == number].mean(dim=0) for number in range(4)])
    nearest = torch.cdist(test - 127.5, means - 127.5).argmin(dim=1)
    accuracy = (nearest == dataset.test.labels).float().mean()
    assert 0.6 < accuracy < 0.99  # by chance it would be 0.25


def test_some_of_the_classes_can_be_chosen() -> None:
    whole, some = load_dataset(fake_set(60)), load_dataset(fake_set(60), classes=["7", "2"])
    assert some.train.labels.bincount().tolist() == [6, 6]
    assert torch.equal(some.train.images[some.train.labels == 1], whole.train.images[whole.train.labels == 2])


def test_too_few_for_two_of_each_class_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^dataset\.num_images=19: choose 20 or more, two of each class$"):
        fake_set(num_images=19)
