"""Whatever the files hold: a data set comes out, or a DataError that names the file."""

import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_sets import archive_of, cifar_records, describe_set, small_cifar10, small_mnist, with_archive, write

from lwtrain.data.catalog import dataset_info
from lwtrain.data.fashion_mini import BUNDLED, FASHION_MINI, read_picture
from lwtrain.data.load import load_dataset
from lwtrain.data.published_set import FileContent, PublishedSet
from lwtrain.errors import ConfigError, DataError


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """Other bytes altogether, or these with some of them cut out, repeated or overwritten."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=64))
    start, stop = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    return content[:start] + draw(st.sampled_from([b"", content[start:stop] * 2, b"\xff" * 9])) + content[stop:]


def read_or_complain(info: PublishedSet, data_dir: Path) -> None:
    try:
        dataset = load_dataset(info, data_dir, download=False)
    except DataError as error:
        assert str(error).startswith(f"dataset={info.name}: {data_dir}/")  # noqa: PT017 - both ends are fine
        assert str(error).count("\n") == 1  # noqa: PT017
    else:
        assert len(dataset.train) == info.num_train


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([small_cifar10, small_mnist]))
def test_mutated_files_are_read_or_refused(data: st.DataObject, small_set) -> None:
    info, contents = small_set()
    place = data.draw(st.integers(0, len(contents) - 1))
    contents[place] = data.draw(mutations(contents[place]))
    info = describe_set(info.name, contents, num_train=info.num_train, num_test=info.num_test)  # as if published so
    with TemporaryDirectory() as data_dir:
        write(info, contents, Path(data_dir))
        read_or_complain(info, Path(data_dir))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_mutated_archives_are_read_or_refused(data: st.DataObject) -> None:
    info, contents = small_cifar10()
    plain = zlib.decompress(archive_of(info, contents), wbits=31)
    packer = zlib.compressobj(level=1, wbits=31)
    archive = data.draw(
        st.one_of(
            mutations(archive_of(info, contents)),
            mutations(plain).map(lambda tar: packer.copy().compress(tar) + packer.copy().flush()),
        )
    )
    with TemporaryDirectory() as data_dir:
        Path(data_dir, "cifar-10-binary.tar.gz").write_bytes(archive)
        read_or_complain(with_archive(info, archive), Path(data_dir))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_mutated_pictures_are_read_or_refused(data: st.DataObject) -> None:
    content = data.draw(mutations((BUNDLED / "fashion_mini_test.png").read_bytes()))
    try:
        images, labels = read_picture(FASHION_MINI, [FileContent(Path("a.png"), content)])
    except DataError as error:
        assert str(error).startswith("dataset=fashion_mini: a.png ")  # noqa: PT017
    else:
        assert len(images) == len(labels) == 2_000


def test_a_wrong_number_of_images_is_refused(tmp_path: Path) -> None:
    contents = [cifar_records((0, 1), (0, 2)), cifar_records((0, 3))]
    info = describe_set("cifar100", contents, num_train=3, num_test=1)
    write(info, contents, tmp_path)
    with pytest.raises(DataError, match=r"train\.bin holds images of shape \(2, 3, 32, 32\) and 2 labels instead of"):
        load_dataset(info, tmp_path)


def test_a_label_without_a_class_is_refused(tmp_path: Path) -> None:
    contents = [cifar_records((0, 1), (0, 100)), cifar_records((0, 3))]
    info = describe_set("cifar100", contents, num_train=2, num_test=1)
    write(info, contents, tmp_path)
    with pytest.raises(DataError, match=r"train\.bin holds the label 100, there are 100 classes"):
        load_dataset(info, tmp_path)


def test_settings_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^dataset=cifar12: did you mean"):
        load_dataset("cifar12", tmp_path)
    with pytest.raises(ConfigError, match=r"^dataset\.image_size=20: padding cannot shrink"):
        load_dataset("cifar10", tmp_path, image_size=20, fit="pad")
    with pytest.raises(ConfigError, match=r"^dataset\.classes\[1\]=brd: did you mean 'bird'\?"):
        load_dataset("cifar10", tmp_path, classes=["cat", "brd"])
    assert list(tmp_path.iterdir()) == []


def test_both_splits_come_in_the_size_that_is_asked_for(tmp_path: Path) -> None:
    info, contents = small_mnist()
    write(info, contents, tmp_path)
    plain = load_dataset(info, tmp_path)
    padded = load_dataset(info, tmp_path, image_size=32, fit="pad")
    scaled = load_dataset(info, tmp_path, image_size=14)
    assert torch.equal(padded.test.images[..., 2:30, 2:30], plain.test.images)
    assert scaled.train.images.shape == (3, 1, 14, 14)
    assert scaled.test.images.shape == (2, 1, 14, 14)


def test_the_images_are_the_callers_own(tmp_path: Path) -> None:
    info, contents = small_mnist()
    write(info, contents, tmp_path)
    load_dataset(info, tmp_path).train.images.zero_()
    assert load_dataset(info, tmp_path).train.images.any()


def test_only_the_classes_that_are_named_are_left_in_that_order(tmp_path: Path) -> None:
    info, contents = small_cifar10()  # labels 0 1 1 2 2 3 3 4 4 5, and 5 6 to test on
    write(info, contents, tmp_path)
    whole = load_dataset(info, tmp_path)
    some = load_dataset(info, tmp_path, classes=["frog", "dog", "bird"])
    assert some.classes == ("frog", "dog", "bird")
    assert some.train.labels.tolist() == [2, 2, 1]
    assert torch.equal(some.train.images, whole.train.images[[3, 4, 9]])
    assert some.test is not None
    assert whole.test is not None
    assert some.test.labels.tolist() == [1, 0]
    assert torch.equal(some.test.images, whole.test.images)


def test_two_classes_of_the_real_cifar10_are_airplanes_and_birds(cifar10_dir: Path) -> None:
    info = dataset_info("cifar10").only(["airplane", "bird"])
    dataset = load_dataset("cifar10", cifar10_dir, classes=["airplane", "bird"])
    assert dataset.test is not None
    assert tuple(dataset.train.labels.bincount().tolist()) == info.train_per_class == (5000, 5000)
    assert tuple(dataset.test.labels.bincount().tolist()) == info.test_per_class == (1000, 1000)


def test_the_real_mnist_has_as_many_images_of_each_class_as_are_announced(mnist_dir: Path) -> None:
    dataset, info = load_dataset("mnist", mnist_dir), dataset_info("mnist")
    assert dataset.test is not None
    assert tuple(dataset.train.labels.bincount().tolist()) == info.train_per_class
    assert tuple(dataset.test.labels.bincount().tolist()) == info.test_per_class
