import subprocess
import sys
from dataclasses import replace

import pytest

from lwtrain.data.catalog import CATALOG, dataset_info
from lwtrain.data.dataset_info import check_image_size
from lwtrain.data.published_set import PublishedSet
from lwtrain.errors import ConfigError

every_set = pytest.mark.parametrize("info", CATALOG.values(), ids=CATALOG)


def test_the_catalog_needs_no_torch() -> None:
    code = "import sys, lwtrain.data.catalog; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_default_comes_first_and_needs_no_download() -> None:
    assert list(CATALOG) == ["fashion_mini", "cifar10", "cifar100", "mnist", "fashion_mnist", "stl10"]
    assert CATALOG["fashion_mini"].bundled


@every_set
def test_every_file_is_bundled_or_to_be_had_over_https(info: PublishedSet) -> None:
    for file in [info.archive] if info.archive else info.files:
        assert all(url.startswith("https://") and url.endswith("/" + file.name) for url in file.urls)
        assert bool(file.urls) != info.bundled


@every_set
def test_every_file_can_be_verified(info: PublishedSet) -> None:
    files = info.files
    assert all(len(file.md5) == 32 and file.size > 0 and not file.path.startswith("/") for file in files)
    assert len({file.md5 for file in files}) == len(files)


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(ConfigError) as error:
        dataset_info("cifar11")
    assert str(error.value).startswith("dataset=cifar11: did you mean 'cifar10")
    assert str(error.value).endswith("Choices: fashion_mini, cifar10, cifar100, mnist, fashion_mnist, stl10")


@pytest.mark.parametrize(
    ("image_size", "fit", "message"),
    [
        (32, "crop", "dataset.fit=crop: Choices: pad, scale"),
        (1, "scale", "dataset.image_size=1: choose 2 or more"),
        (-3, "pad", "dataset.image_size=-3: choose 2 or more"),
        (27, "pad", "dataset.image_size=27: padding cannot shrink images of 28x28, choose 28 or more, "),
    ],
)
def test_a_size_that_cannot_be_had_is_refused(image_size: int, fit: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_image_size(CATALOG["mnist"], image_size, fit)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("image_size", "fit"), [(None, "pad"), (28, "pad"), (64, "pad"), (2, "scale")])
def test_a_size_that_can_be_had_is_not(image_size: int | None, fit: str) -> None:
    check_image_size(replace(CATALOG["mnist"], name="mine"), image_size, fit)
