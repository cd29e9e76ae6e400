import importlib.util
from io import BytesIO
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from lwtrain.data.fashion_mini import BUNDLED, FASHION_MINI, read_picture
from lwtrain.data.load import ImageDataset, load_dataset
from lwtrain.data.published_set import FileContent
from lwtrain.errors import DataError


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[2] / "scripts" / "make_fashion_mini.py"
    spec = importlib.util.spec_from_file_location("make_fashion_mini", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bundled() -> ImageDataset:
    return load_dataset("fashion_mini", download=False)


def test_every_class_has_as_many_images(bundled: ImageDataset) -> None:
    assert bundled.train.images.shape == (10_000, 1, 28, 28)
    assert bundled.test.images.shape == (2_000, 1, 28, 28)
    assert bundled.train.labels.bincount().tolist() == [1_000] * 10
    assert bundled.test.labels.bincount().tolist() == [200] * 10


def test_no_image_is_in_both_splits(bundled: ImageDataset) -> None:
    splits = [{image.tobytes() for image in split.images.numpy()} for split in (bundled.train, bundled.test)]
    assert not splits[0] & splits[1]
    assert len(splits[0]) > 9_990  # Fashion-MNIST itself holds a few images twice


def test_the_files_are_small_and_their_licence_lies_beside_them() -> None:
    assert sum(path.stat().st_size for path in BUNDLED.iterdir()) < 6e6
    assert "Zalando SE" in (BUNDLED / "LICENSE.fashion-mnist").read_text(encoding="utf-8")


def test_the_bundled_set_is_what_the_script_makes(
    script: ModuleType, bundled: ImageDataset, fashion_mnist_dir: Path
) -> None:
    source = load_dataset("fashion_mnist", fashion_mnist_dir)
    assert source.classes == bundled.classes
    for whole, part, per_class in ((source.train, bundled.train, 1_000), (source.test, bundled.test, 200)):
        assert np.array_equal(script.draw(whole, per_class), part.images[:, 0].numpy())
        labels = {image.tobytes(): label for image, label in zip(whole.images.numpy(), whole.labels, strict=True)}
        assert all(
            labels[image.tobytes()] == label for image, label in zip(part.images.numpy(), part.labels, strict=True)
        )


def test_a_picture_laid_out_by_the_script_is_cut_up_again(script: ModuleType) -> None:
    images = np.random.default_rng(0).integers(0, 256, (300, 28, 28), np.uint8)
    read, labels = read_picture(FASHION_MINI, [FileContent(Path("a.png"), png(script.lay_out(images)))])
    assert np.array_equal(read[:, 0], images)
    assert labels.tolist() == list(range(10)) * 30


@pytest.mark.parametrize("shape", [(28, 2828), (30, 2800), (28, 2800, 3)])
def test_a_picture_of_another_kind_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"a\.png (shows|cannot be read as a grey).*\nInstall lwtrain again"):
        read_picture(FASHION_MINI, [FileContent(Path("a.png"), png(np.zeros(shape, np.uint8)))])


def png(pixels: np.ndarray) -> bytes:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
