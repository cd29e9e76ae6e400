"""Whatever a file holds, it is read, or refused by an error that a user can act on; never anything else."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers import READERS

from lwtrain.config.command_line import CommandLine
from lwtrain.errors import ConfigError, DataError

_SLOW = {"STL-10's unlabelled images", "STL-10's archive", "the bundled picture", "a checkpoint"}
_TEXTS = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"3",
    b"[" * 2000,
    b"{a: " * 2000,
    b"!!int ''",
    b"!!float ''",
    b"!!bool x",
    b"!!set {a}",
]
_TEXTS += [
    b"!!timestamp x",
    b"2001-01-01",
    b"&a [*a]",
    b"&a {b: *a}",
    b"1: 2",
    b"\xff\xfe",
    b"9" * 5000,
    b"{b: {c: [1e999]}}",
]
_TEXTS += [
    b'{"config": 3}',
    b'{"config": {"model": 3, "name": []}}',
    b'{"layer_0/val/accuracy": [], "seconds": {}}',
    b"a,b\n1",
]


@st.composite
def mutations(draw: st.DrawFn, content: bytes) -> bytes:
    """Other bytes altogether, or these with some of them cut off, cut out, repeated, flipped or overwritten."""
    way = draw(st.sampled_from(["other", "text", "short", "out", "twice", "flip", "flip", "over"]))
    if way == "other":
        return draw(st.binary(max_size=64))
    if way == "text":
        return draw(st.sampled_from(_TEXTS))
    start, stop = sorted(draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    if way == "flip":
        flipped = bytearray(content)
        for place in draw(st.lists(st.integers(0, max(0, len(content) - 1)), min_size=1, max_size=4)):
            flipped[place % max(1, len(flipped))] ^= draw(st.integers(1, 255))
        return bytes(flipped)
    middle = {"short": b"", "out": b"", "twice": 2 * content[start:stop], "over": draw(st.binary(max_size=9))}
    return content[:start] + middle[way] + (b"" if way == "short" else content[stop:])


@pytest.mark.parametrize("kind", READERS)
def test_valid_files_are_read(kind: str, tmp_path: Path) -> None:
    READERS[kind].read(tmp_path, READERS[kind].valid())


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")  # of decoders, over what is damaged
@pytest.mark.parametrize("kind", READERS)
def test_any_bytes_are_read_or_refused(kind: str) -> None:
    reader = READERS[kind]
    content = reader.valid()

    @settings(max_examples=8 if kind in _SLOW else 30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutations(content))
    def read(mutated: bytes) -> None:
        with TemporaryDirectory() as folder:
            try:
                reader.read(Path(folder), mutated)
            except (ConfigError, DataError) as error:
                assert 1 <= len(str(error).splitlines()) <= 3  # noqa: PT017 - both ends are fine

    read()


@pytest.mark.parametrize("kind", ["config.yaml", "metrics.json", "a study", "a result", "calibration.json"])
@pytest.mark.parametrize("content", _TEXTS, ids=range(len(_TEXTS)))
def test_texts_that_trip_readers_are_refused(kind: str, content: bytes, tmp_path: Path) -> None:
    try:
        READERS[kind].read(tmp_path, content)
    except (ConfigError, DataError) as error:
        assert len(str(error).splitlines()) <= 3  # noqa: PT017


@pytest.mark.parametrize("content", _TEXTS, ids=range(len(_TEXTS)))
def test_any_yaml_file_of_a_user_is_composed_or_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer/mine.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        CommandLine(["optimizer=mine"], folders=[tmp_path]).check()
    assert "optimizer" in str(caught.value)
