from pathlib import Path

import pytest

from lwtrain.errors import DataError
from lwtrain.failures import failure_kept, read_failure


def fail(folder: Path, error: BaseException) -> None:
    with pytest.raises(type(error)), failure_kept(folder):
        raise error


def test_the_reason_is_kept(tmp_path: Path) -> None:
    fail(tmp_path, DataError("data/x: cut short.\nRemove it"))
    assert read_failure(tmp_path) == "data/x: cut short.\nRemove it"


def test_of_an_error_that_no_user_caused_the_kind_is_kept_too(tmp_path: Path) -> None:
    fail(tmp_path, RuntimeError("out of memory"))
    assert read_failure(tmp_path) == "RuntimeError: out of memory"


def test_a_run_that_succeeds_has_not_failed(tmp_path: Path) -> None:
    fail(tmp_path, DataError("data/x: cut short"))
    with failure_kept(tmp_path):
        assert read_failure(tmp_path) is None
    assert read_failure(tmp_path) is None


def interrupted_while_a_file_is_written() -> RuntimeError:
    error = RuntimeError("unexpected pos 64 vs 0")
    error.__context__ = KeyboardInterrupt()
    return error


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(1), interrupted_while_a_file_is_written()])
def test_a_run_that_is_stopped_has_not_failed(end: BaseException, tmp_path: Path) -> None:
    fail(tmp_path, end)
    assert not list(tmp_path.iterdir())


def test_a_reason_with_signs_that_are_no_text_is_kept_too(tmp_path: Path) -> None:
    fail(tmp_path, DataError("data/caf\udce9.jpg: cut short"))
    assert read_failure(tmp_path) == r"data/caf\udce9.jpg: cut short"
