import io
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from small_sets import archive_of, describe, small_cifar10, small_mnist, with_archive

from lwtrain.data.download import DownloadError, download
from lwtrain.data.load import load_dataset
from lwtrain.data.published_set import PublishedSet
from lwtrain.errors import DataError

CONTENT = bytes(range(256)) * 1000


class Publisher(ThreadingHTTPServer):
    """Serves files from memory on this machine, well or badly: the first part of the path says how."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files
        self.asked: list[str] = []

    def url(self, manner: str, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{manner}/{name}"


class Answer(BaseHTTPRequestHandler):
    server: Publisher

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        _, manner, name = self.path.split("/", 2)
        content = self.server.files.get(name)
        if content is None:
            return self.send_error(404)
        if manner == "other":
            content = content[:-1] + b"?"
        if manner == "short":
            content = content[:1000]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:1000] if manner == "cut" else content)
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Publisher({"a.bin": CONTENT}) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server that does not run."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_download_lands_whole_at_its_place(publisher: Publisher, tmp_path: Path) -> None:
    download(describe("raw/a.bin", CONTENT, (publisher.url("well", "a.bin"),)), tmp_path / "new")
    assert (tmp_path / "new" / "raw" / "a.bin").read_bytes() == CONTENT
    assert files_below(tmp_path) == ["new", "new/raw", "new/raw/a.bin"]


@pytest.mark.parametrize(
    ("manner", "name", "reason"),
    [
        ("other", "a.bin", r"what 127\.0\.0\.1 sent has the MD5 \w{32} instead of \w{32}"),
        ("short", "a.bin", r"what 127\.0\.0\.1 sent has 1,000 bytes instead of 256,000"),
        ("cut", "a.bin", r"the connection to 127\.0\.0\.1 broke off"),
        ("well", "b.bin", r"127\.0\.0\.1 answers 404 Not Found"),
    ],
)
def test_a_failed_download_leaves_nothing_behind(
    publisher: Publisher, tmp_path: Path, manner: str, name: str, reason: str
) -> None:
    with pytest.raises(DownloadError, match=f"^{reason}$"):
        download(describe("raw/a.bin", CONTENT, (publisher.url(manner, name),)), tmp_path)
    assert files_below(tmp_path) == []


def test_mirrors_are_tried_in_order(publisher: Publisher, nobody: str, tmp_path: Path) -> None:
    manners = ("other", "cut", "well", "short")
    urls = (nobody, *(publisher.url(manner, "a.bin") for manner in manners))
    download(describe("a.bin", CONTENT, urls), tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert publisher.asked == ["/other/a.bin", "/cut/a.bin", "/well/a.bin"]


def test_the_reasons_of_all_mirrors_are_given_once_each(publisher: Publisher, nobody: str, tmp_path: Path) -> None:
    urls = (nobody, f"{nobody}/again", publisher.url("well", "b.bin"))
    with pytest.raises(DownloadError, match=r"^no network, then 127\.0\.0\.1 answers 404 Not Found$"):
        download(describe("a.bin", CONTENT, urls), tmp_path)


def test_a_terminal_shows_how_far_it_is(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    url = publisher.url("well", "a.bin")
    download(describe("a.bin", CONTENT, (url,)), tmp_path)
    assert sys.stderr.getvalue().startswith(f"Downloading {url}\n")
    assert "100%" in sys.stderr.getvalue()


def test_a_log_file_stays_clean(publisher: Publisher, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    download(describe("a.bin", CONTENT, (publisher.url("well", "a.bin"),)), tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_missing_archive_is_downloaded_once(publisher: Publisher, tmp_path: Path) -> None:
    info, contents = small_cifar10()
    archive = archive_of(info, contents)
    publisher.files["cifar.tar.gz"] = archive
    info = with_archive(info, archive, (publisher.url("well", "cifar.tar.gz"),))
    first = load_dataset(info, tmp_path)
    again = load_dataset(info, tmp_path)
    assert torch.equal(first.train.images, again.train.images)
    assert files_below(tmp_path) == ["cifar-10-binary.tar.gz"]
    assert publisher.asked == ["/well/cifar.tar.gz"]


def test_only_missing_files_are_downloaded(publisher: Publisher, tmp_path: Path) -> None:
    info = offered(publisher, "well")
    load_dataset(info, tmp_path)
    assert len(publisher.asked) == 4
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert load_dataset(info, tmp_path).test.labels.tolist() == [7, 1]
    assert publisher.asked[4:] == ["/well/t10k-labels-idx1-ubyte.gz"]


def test_a_damaged_file_of_the_user_is_never_replaced(publisher: Publisher, tmp_path: Path) -> None:
    info = offered(publisher, "well")
    mine = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz has 4 bytes instead of "):
        load_dataset(info, tmp_path)
    assert mine.read_bytes() == b"mine"


def test_without_a_network_the_user_reads_two_lines(
    nobody: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as error:
        load_dataset(with_archive(small_cifar10()[0], CONTENT, (nobody,)), "data")
    assert str(error.value) == (
        "dataset=cifar10: no CIFAR-10 in data/ and the download failed (no network).\n"
        "Put cifar-10-binary.tar.gz there, or train on the bundled set: dataset=fashion_mini"
    )
    assert files_below(tmp_path) == ["data"]


def offered(publisher: Publisher, manner: str) -> PublishedSet:
    """A small MNIST whose files the publisher has."""
    info, contents = small_mnist()
    files = info.train_files + info.test_files
    publisher.files |= {file.name: content for file, content in zip(files, contents, strict=True)}
    train, test = (
        tuple(replace(file, urls=(publisher.url(manner, file.name),)) for file in split)
        for split in (info.train_files, info.test_files)
    )
    return replace(info, train_files=train, test_files=test)
