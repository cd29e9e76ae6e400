"""What `lwtrain` offers by name: it is there, it is explained, it is typed, and it costs nothing before it is used."""

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import lwtrain

PAGES = sorted((Path(__file__).resolve().parents[1] / "docs" / "api").glob("*.md"))
SHOWN = sorted({name for page in PAGES for name in re.findall(r"^::: ?([\w.]+)$", page.read_text(), re.MULTILINE)})


@pytest.mark.parametrize("name", lwtrain.__all__)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    public = getattr(lwtrain, name)
    assert public.__module__ == lwtrain._HOMES[name]
    assert not (inspect.getdoc(public) or "").startswith((name + "(", "Create and return", "An enumeration"))
    assert public.__doc__


def test_names_are_sorted_and_each_has_a_home() -> None:
    assert set(lwtrain.__all__) == set(lwtrain._HOMES)
    assert len(lwtrain.__all__) == len(set(lwtrain.__all__))


@pytest.mark.parametrize("name", lwtrain.__all__)
def test_no_module_hides_a_public_name(name: str) -> None:
    assert not list(Path(lwtrain.__file__).parent.glob(f"{name}.py"))  # importing it would put it in the name's place


@pytest.mark.parametrize("path", SHOWN)
def test_names_on_pages_can_be_imported(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert getattr(import_module(module), name).__doc__


def test_names_on_pages_are_found() -> None:
    assert {"lwtrain.load_run", "lwtrain.LayerStack", "lwtrain.export.export"} <= set(SHOWN)
    assert not [page for page in PAGES if re.search(r"^:: ", page.read_text(), re.MULTILINE)]


def test_pages_name_public_names_as_they_are_imported() -> None:
    assert not [path for path in SHOWN if path.rpartition(".")[2] in lwtrain.__all__ and path.count(".") > 1]


def test_importing_lwtrain_leaves_torch_alone() -> None:
    code = "import sys, lwtrain; print('torch' in sys.modules, 'pytorch_lightning' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"^module 'lwtrain' has no attribute 'WaveSchedul'$"):
        _ = lwtrain.WaveSchedul
