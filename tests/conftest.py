"""Where tests find real data."""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_runs import AUTOENCODER, CLASSIFIER, train_small

from lwtrain.data.catalog import dataset_info

CHECKOUT = Path(__file__).resolve().parents[1]
UNPACKER = CHECKOUT.parent / "shared" / "data" / "unpack.py"  # data kept beside a checkout; nobody needs to have it
LEVELS = {name: logging.getLogger(name).level for name in (None, "lwtrain")}  # before any test


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Hydra sets up logging for the whole process; give it back, or later tests catch other messages.

    Before a test, too: what a file's tests share is set up first, and may have run Hydra.
    """
    _give_logging_back()
    yield
    _give_logging_back()


@pytest.fixture(scope="session")
def cifar10_dir(request: pytest.FixtureRequest) -> Path:
    """A data_dir with the real CIFAR-10."""
    return _data_dir(request, "cifar10")


@pytest.fixture(scope="session")
def mnist_dir(request: pytest.FixtureRequest) -> Path:
    """A data_dir with the real MNIST."""
    return _data_dir(request, "mnist")


@pytest.fixture(scope="session")
def fashion_mnist_dir(request: pytest.FixtureRequest) -> Path:
    """A data_dir with the real Fashion-MNIST."""
    return _data_dir(request, "fashion_mnist")


@pytest.fixture(scope="session")
def classifier_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained run: a small VGG with decoders beside its layers."""
    return train_small(tmp_path_factory.mktemp("classifier"), *CLASSIFIER)


@pytest.fixture(scope="session")
def autoencoder_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a trained run: a convolutional autoencoder, end to end."""
    return train_small(tmp_path_factory.mktemp("autoencoder"), *AUTOENCODER)


def _give_logging_back() -> None:
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler).__module__ != "_pytest.logging":
            root.removeHandler(handler)
            handler.close()  # one put back by a later test would open its file again, and nobody would close it


def _data_dir(request: pytest.FixtureRequest, name: str) -> Path:
    folders = [Path(os.environ.get("LWTRAIN_DATA", "data")), CHECKOUT / "data"]
    if cache := getattr(request.config, "cache", None):  # pytest can do without
        folders.append(cache.mkdir("real_data") / "data")
        if UNPACKER.exists() and not any(_holds(folder, name) for folder in folders):
            _unpack(folders[-1])
    for folder in folders:
        if _holds(folder, name):
            return folder
    pytest.skip(f"needs {dataset_info(name).title} in data/")


def _holds(folder: Path, name: str) -> bool:
    info = dataset_info(name)
    return all((folder / file.path).exists() for file in info.train_files + info.test_files)


def _unpack(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        subprocess.run([sys.executable, UNPACKER, f"{work}/data"], check=True, capture_output=True)
        with contextlib.suppress(OSError):  # a test process beside this one was faster
            Path(work, "data").rename(folder)
