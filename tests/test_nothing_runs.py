"""Nothing that is read can run code: malicious files in the place of every kind of file that there is."""

import contextlib
import io
import pickle
import tarfile
from pathlib import Path

import pytest
import torch
import yaml
from intruder import Intruder, malicious_files
from readers import READERS
from small_sets import archive_of, small_cifar10, small_stl10, with_archive

from lwtrain.config.command_line import CommandLine
from lwtrain.data.load import load_dataset
from lwtrain.errors import ConfigError, DataError


@pytest.mark.parametrize("kind", READERS)
def test_nothing_in_a_malicious_file_runs(kind: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for name, content in malicious_files(trace).items():
        folder = tmp_path / name.replace(" ", "_")
        folder.mkdir()
        with contextlib.suppress(ConfigError, DataError):
            READERS[kind].read(folder, content)
        assert not trace.exists(), name


def test_the_malicious_files_would_leave_a_trace(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    files = malicious_files(trace)
    for name in ("text pickle", "pickle"):
        pickle.loads(files[name])
        trace.unlink()
    for name in ("torch.save", "torch.save of old"):
        torch.load(io.BytesIO(files[name]), weights_only=False)
        trace.unlink()
    for name in ("YAML", "YAML in a mapping"):
        yaml.unsafe_load(files[name])
        trace.rmdir()


@pytest.mark.parametrize("place", ["model/mine.yaml", "experiment/mine.yaml", "hydra/job_logging/mine.yaml"])
def test_nothing_in_a_users_yaml_file_runs(place: str, tmp_path: Path) -> None:
    path, trace = tmp_path / "conf" / place, tmp_path / "trace"
    path.parent.mkdir(parents=True)
    for name, content in malicious_files(trace).items():
        path.write_bytes(content)
        with pytest.raises(ConfigError):
            CommandLine([f"{Path(place).parent}=mine"], folders=[tmp_path / "conf"]).check()
        assert not trace.exists(), name


def _tar(path: str, kind: bytes, target: str, size: int) -> bytes:
    """Make an archive with one member that is a link or a device, followed by another of the same name."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo(path)
        member.type, member.linkname, member.size = kind, target, 0
        tar.addfile(member)
        again = tarfile.TarInfo(f"{path}/inside")
        again.size = size
        tar.addfile(again, io.BytesIO(bytes(size)))
    return stream.getvalue()


@pytest.mark.parametrize("small_set", [small_cifar10, small_stl10], ids=["read where it lies", "unpacked"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE])
def test_an_archive_cannot_leave_its_folder(kind: bytes, small_set, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    info = small_set()[0]
    (tmp_path / "secret").write_bytes(b"secret")
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    path = info.train_files[0].path
    for name, target in ((path, "../../secret"), (path.partition("/")[0], str(tmp_path)), ("..", "/"), ("/tmp", "/")):
        archive = _tar(name, kind, target, 6)
        (data_dir / info.archive.path).write_bytes(archive)
        with pytest.raises(DataError, match=f"{info.archive.path} "):
            load_dataset(with_archive(info, archive), data_dir, download=False)
        found = sorted(str(place.relative_to(tmp_path)) for place in tmp_path.rglob("*"))
        assert found == ["data", f"data/{info.archive.path}", "secret"]


@pytest.mark.parametrize("small_set", [small_cifar10, small_stl10], ids=["read where it lies", "unpacked"])
def test_an_archive_is_not_opened_before_its_checksum_matches(
    small_set,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    info, contents = small_set()[:2]
    archive = archive_of(info, contents)
    opened: list[object] = []
    monkeypatch.setattr(tarfile, "open", lambda *words, **options: opened.append(words))
    other = archive[:-1] + bytes([archive[-1] ^ 1])
    (tmp_path / info.archive.path).write_bytes(other)
    with pytest.raises(DataError, match="has the MD5"):
        load_dataset(with_archive(info, archive), tmp_path, download=False)
    assert not opened


def test_the_intruder_works(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Intruder(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()
