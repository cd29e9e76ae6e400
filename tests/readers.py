"""Everything of lwtrain's that reads files: what a valid file looks like, and how it is read."""

import contextlib
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from small_folders import pets
from small_sets import archive_of, describe_set, small_cifar10, small_mnist, small_stl10, with_archive, write
from stored_checkpoints import store_checkpoint
from stored_runs import SETTINGS, store_run
from tiny import tiny_stack

from lwtrain.checkpoints import load_checkpoint
from lwtrain.config.files import group_choices
from lwtrain.config.loading import load_config
from lwtrain.config.run_folders import differences, find_earlier_run
from lwtrain.config.words import parse
from lwtrain.data.decoding import FORMATS, check_header, decode
from lwtrain.data.fashion_mini import BUNDLED, FASHION_MINI, read_picture
from lwtrain.data.load import load_dataset
from lwtrain.data.picture_folder import list_pictures
from lwtrain.data.published_set import FileContent
from lwtrain.errors import ConfigError, DataError
from lwtrain.layer_files import load_layers, store_layers
from lwtrain.metrics_csv import read_metrics_csv
from lwtrain.results_table import ResultsTable
from lwtrain.runs import find_runs
from studying.budgets import Calibration, Calibrations
from studying.study import read_study
from tabulating.markdown import write_markdown
from tabulating.record import record
from tabulating.rows import gather, read_records


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes:
        valid: Makes such a file.
        read: Puts bytes where such a file belongs, in an empty folder, and reads them.
    """

    valid: Callable[[], bytes]
    read: Callable[[Path, bytes], object]


def _published(small_set: Callable[[], Any], place: int) -> Reader:
    """A file of a published set, described as if its publisher had made it so."""

    def read(folder: Path, content: bytes) -> None:
        info, contents = small_set()[:2]
        contents[place] = content
        train, test = info.num_train, info.num_test
        told = describe_set(info.name, contents, num_train=train, num_test=test, num_unlabelled=info.num_unlabelled)
        write(told, contents, folder)
        load_dataset(told, folder, download=False).train.images[:]

    return Reader(lambda: small_set()[1][place], read)


def _archive(small_set: Callable[[], Any]) -> Reader:
    def read(folder: Path, content: bytes) -> None:
        info = small_set()[0]
        path = folder / info.archive.path
        path.write_bytes(content)
        load_dataset(with_archive(info, content), folder, download=False)

    return Reader(lambda: archive_of(*small_set()[:2]), read)


def _read_bundled(folder: Path, content: bytes) -> None:
    read_picture(FASHION_MINI, [FileContent(folder / "a.png", content)])


@cache
def _picture(form: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.arange(16 * 12 * 3, dtype=np.uint8).reshape(16, 12, 3)).save(stream, format=form)
    return stream.getvalue()


def _read_picture(folder: Path, content: bytes) -> None:
    path = folder / "picture.png"
    path.write_bytes(content)
    check_header(path)
    decode(path, 3, 8, "crop")


def _read_picture_folder(folder: Path, content: bytes) -> None:
    (pets(folder, cats=2, dogs=2, test=0, unlabelled=0) / "train/cat/000.png").write_bytes(content)
    load_dataset(list_pictures(folder / "train", image_size=8)).train.images[:]


@cache
def _layer() -> bytes:
    stack = tiny_stack()
    stack.voters[0] = True
    with TemporaryDirectory() as folder:
        return store_layers(stack, Path(folder))[0].read_bytes()


def _read_layer(folder: Path, content: bytes) -> None:
    (folder / "layer_0.safetensors").write_bytes(content)
    load_layers(_stack(), [folder])


_stack = cache(tiny_stack)


@cache
def _checkpoint() -> bytes:
    stream = io.BytesIO()
    torch.save({"state_dict": _stack().state_dict(), "config": SETTINGS, "global_step": 3}, stream)
    return stream.getvalue()


def _read_checkpoint(folder: Path, content: bytes) -> None:
    (folder / "last.ckpt").write_bytes(content)
    load_checkpoint(folder / "last.ckpt")


_config = cache(load_config)
_choices = cache(group_choices)


def _of_run(name: str, content: bytes | None = None) -> Reader:
    """A file in a run's folder, read when the run is continued, listed, kept as a result, or drawn."""

    def read(folder: Path, content: bytes) -> None:
        run = store_run(folder / "run", "model=vgg13", figures=_figures())
        (run / "metrics.csv").write_text("step,vote/val/accuracy,time/loss\n3,0.5,1.5\n")
        store_checkpoint(run / "checkpoints/last.ckpt")
        (run / name).write_bytes(content)
        runs = find_runs(folder)
        table = ResultsTable.of(runs, folder).sorted_by("run")
        table.csv()
        for function in (_continue, record, lambda run: read_metrics_csv(run / "metrics.csv")):
            _attempt(function, run)

    return Reader(lambda: content or yaml.safe_dump(asdict(_config())).encode(), read)


def _continue(run: Path) -> None:
    earlier = find_earlier_run(str(run), run)
    mistakes: list[str] = []
    for word in earlier.words:
        parse(word, _choices(), mistakes)
    differences(_config(), earlier)


def _attempt(function: Callable[[Path], object], run: Path) -> None:
    with contextlib.suppress(ConfigError, DataError):
        function(run)


def _figures() -> dict[str, Any]:
    return {
        "vote/val/accuracy": 0.5,
        "layer_0/val/accuracy": 0.25,
        "layer_1/val/accuracy": 0.5,
        "seconds": 2.5,
        "peak_memory_mib": 100.0,
        "epochs": {"trained": 1, "scheduled": 2},
        "made_by": {"command": "python train.py", "revision": "abc", "machine": {"cores": 2}, "lwtrain": "0.1.0"},
    }


def _metrics() -> bytes:
    config = SETTINGS | {"dataset": {"name": "fake"}, "trainer": {"fast_dev_run": False}}
    return json.dumps(_figures() | {"config": config}).encode()


def _result() -> bytes:
    config = SETTINGS | {"dataset": {"name": "fake"}}
    accuracy = {"val": {"vote": 0.5, "layer_0": 0.25}, "test": {"vote": 0.5, "layer_0": 0.5}}
    made = {"command": "python train.py model=vgg11", "revision": "abc", "machine": {"cores": 2}}
    rest = {"cut_short": [], "curve": [{"seconds": 1.0, "vote": 0.5}], "seconds": 2.0, "peak_memory_mib": 10}
    return json.dumps({**made, "config": config, "accuracy": accuracy, **rest}).encode()


def _read_result(folder: Path, content: bytes) -> None:
    (folder / "a.json").write_bytes(content)
    write_markdown(gather(read_records(folder)), [], {})


def _read_study(folder: Path, content: bytes) -> None:
    (folder / "mine.yaml").write_bytes(content)
    read_study("mine", folder)


def _read_calibration(folder: Path, content: bytes) -> None:
    (folder / "calibration.json").write_bytes(content)
    Calibrations(folder, "here").get("a", ["seed=1"])


_STUDY = "title: A study\ntext: Why?\nbase: model=vgg8b\nseeds: [0, 1]\nruns: [{name: a, settings: labels=100}]\n"
_CALIBRATION = {"here": {"a": {"settings": "seed=1", **asdict(Calibration(3.0, 1.0, 2.0))}}}

READERS: dict[str, Reader] = {
    "CIFAR's records": _published(small_cifar10, 1),
    "MNIST's images": _published(small_mnist, 0),
    "MNIST's labels": _published(small_mnist, 3),
    "MNIST's images, unpacked": replace(
        _published(small_mnist, 0),
        valid=lambda: gzip.decompress(small_mnist()[1][0]),
        read=lambda folder, content: _published(small_mnist, 0).read(folder, gzip.compress(content)),
    ),
    "STL-10's labels": _published(small_stl10, 1),
    "STL-10's unlabelled images": _published(small_stl10, 4),
    "CIFAR's archive": _archive(small_cifar10),
    "STL-10's archive": _archive(small_stl10),
    "the bundled picture": Reader((BUNDLED / "fashion_mini_test.png").read_bytes, _read_bundled),
    **{
        f"a picture, {form}": Reader(lambda form=form: _picture(form), _read_picture)
        for form in FORMATS
        if form in (Image.init(), Image.SAVE)[1]
    },
    "a folder of pictures": Reader(lambda: _picture("PNG"), _read_picture_folder),
    "a layer file": Reader(_layer, _read_layer),
    "a checkpoint": Reader(_checkpoint, _read_checkpoint),
    "config.yaml": _of_run("config.yaml"),
    "overrides.yaml": _of_run(".hydra/overrides.yaml", b"[model=vgg13, seed=3]\n"),
    "metrics.json": Reader(_metrics, _of_run("metrics.json").read),
    "metrics.csv": _of_run("metrics.csv", b"step,vote/val/accuracy,time/loss\n3,0.5,1.5\n6,0.75,1.5\n"),
    "failure.txt": _of_run("failure.txt", b"DataError: gone\n"),
    "a study": Reader(_STUDY.encode, _read_study),
    "a result": Reader(_result, _read_result),
    "calibration.json": Reader(json.dumps(_CALIBRATION).encode, _read_calibration),
}
