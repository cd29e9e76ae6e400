import pytest

from lwtrain.data.catalog import dataset_info
from lwtrain.errors import ConfigError


def test_some_classes_have_the_images_of_their_own() -> None:
    info = dataset_info("mnist").only(["1", "0"])
    assert (info.classes, info.train_per_class, info.test_per_class) == (("1", "0"), (6742, 5923), (1135, 980))
    assert (info.num_classes, info.num_train, info.num_test) == (2, 12665, 2115)


def test_no_choice_is_all_classes() -> None:
    assert dataset_info("mnist").only(None) is dataset_info("mnist")


def test_images_without_labels_stay_whatever_the_classes() -> None:
    info = dataset_info("stl10").only(["cat", "dog"])
    assert (info.num_train, info.num_test, info.num_unlabelled) == (1000, 1600, 100_000)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([], "dataset.classes=[]: choose 2 or more, to be told apart"),
        (["cat"], "dataset.classes=[cat]: choose 2 or more, to be told apart"),
        (["cat", "dog", "cat"], "dataset.classes[2]=cat: named before; choose each class once"),
        (["cat", "dogs"], "dataset.classes[1]=dogs: did you mean 'dog'? Choices: airplane, automobile, bird, cat, "),
    ],
)
def test_classes_that_cannot_be_told_apart_are_refused(classes: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        dataset_info("cifar10").only(classes)
    assert str(error.value).startswith(message)
