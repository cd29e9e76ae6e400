"""torchvision's wheel beside a torch that it was not built for."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lwtrain import torchvision_operators

# A torchvision as far as it matters: on import it describes operators that its compiled library should have brought.
_PACKAGE = """
import torch

@torch.library.register_fake("torchvision::nms")
def nms(dets, scores, iou_threshold):
    return dets.new_empty((0,), dtype=torch.long)
"""


@pytest.fixture
def torchvision(tmp_path: Path) -> Path:
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(_PACKAGE)
    return package


def _python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=folder, capture_output=True, text=True, check=False
    )


def test_operators_that_do_not_load_are_declared_before_the_first_import(torchvision: Path) -> None:
    (torchvision / "_C.so").write_bytes(b"built for another torch")
    code = """
        import lwtrain, sys
        assert "torch" not in sys.modules  # it costs nothing until torchvision is wanted
        import torchvision, torch
        try:
            torch.ops.torchvision.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
        except NotImplementedError as error:
            print(error)
    """
    run = _python(code, torchvision.parent)
    assert "Could not run 'torchvision::nms'" in run.stdout, run.stderr


def test_without_the_cure_the_import_fails(torchvision: Path) -> None:
    run = _python("import torchvision", torchvision.parent)
    assert "operator torchvision::nms does not exist" in run.stderr


def test_nothing_is_declared_where_the_operators_load(torchvision: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    (torchvision / "_C.so").touch()
    loaded: list[Path] = []
    monkeypatch.setattr(torch.ops, "load_library", loaded.append)
    assert torchvision_operators.declare_missing(torchvision) == []
    assert loaded == [torchvision / "_C.so"]


def test_nothing_is_declared_where_there_is_no_compiled_library(torchvision: Path) -> None:
    assert torchvision_operators.declare_missing(torchvision) == []


def test_lightning_can_be_imported_here() -> None:
    run = _python("import lwtrain, torchvision.transforms.v2, torchmetrics, pytorch_lightning", Path.cwd())
    assert run.returncode == 0, run.stderr
