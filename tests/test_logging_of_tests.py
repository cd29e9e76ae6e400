"""A test begins with logging as pytest has it, whatever ran before: else it fails by its neighbours."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def hydra_ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Leaves logging as a run does: lwtrain tells of INFO, and the root of more than before, to a file."""
    file = tmp_path_factory.mktemp("run") / "train.log"
    logging.getLogger("lwtrain").setLevel(logging.INFO)
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(logging.FileHandler(file))
    yield file
    assert file.read_text() == ""


@pytest.mark.parametrize("turn", ["first", "second"])
def test_what_tests_share_leaves_logging_alone(hydra_ran: Path, turn: str) -> None:
    root = logging.getLogger()
    assert (root.level, logging.getLogger("lwtrain.data").getEffectiveLevel()) == (logging.WARNING, logging.WARNING)
    assert {type(handler).__module__ for handler in root.handlers} <= {"_pytest.logging"}
    root.warning("%s message", turn)
