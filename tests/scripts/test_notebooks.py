import re
import time
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

import notebooks

CHECKOUT = Path(__file__).parents[2]
SOURCES = notebooks.sources()
TINY = "# %% [markdown]\n# # Title\n\n# %%\nprint(6 * 7)\n\n# %%\n# %matplotlib inline\n"


def written(folder: Path, text: str = TINY) -> Path:
    """A source with the notebook that was made from it, and has run."""
    source = folder / "1_tiny.py"
    source.write_text(text)
    notebook = notebooks.notebook_from(source)
    notebook.cells[1].outputs = [nbformat.v4.new_output("stream", text="42\n")]
    notebooks.write(notebook, source.with_suffix(".ipynb"))
    return source


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


def committed(source: Path) -> NotebookNode:
    notebook = notebooks.read_notebook(source)
    assert notebook is not None
    return notebook


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_each_notebook_is_what_its_source_says(source: Path) -> None:
    assert notebooks.differences(source) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_each_notebook_has_run_and_says_nothing_of_the_machine(source: Path) -> None:
    path = source.with_suffix(".ipynb")
    text = path.read_text()
    assert all(cell.execution_count for cell in committed(source).cells if cell.cell_type == "code")
    assert not re.findall(r"/(?:home|root|tmp|usr|work|Users)/[^\"\s]*", text)
    assert path.stat().st_size < 400_000
    assert outputs(committed(source))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_each_notebook_runs_without_a_warning(source: Path) -> None:
    found = outputs(notebooks.execute(notebooks.notebook_from(source)))
    assert [output.text for output in found if output.get("name") == "stderr"] == []
    shapes = [(output.output_type, sorted(output.get("data", {}))) for output in found]
    assert shapes == [(output.output_type, sorted(output.get("data", {}))) for output in outputs(committed(source))]


def test_the_page_names_each_notebook() -> None:
    page = (notebooks.FOLDER / "README.md").read_text()
    assert re.findall(r"\]\((\d_\w+)\.ipynb\)", page) == [source.stem for source in SOURCES]


def test_links_lead_somewhere() -> None:
    for source in SOURCES:
        prose = [cell.source for cell in committed(source).cells if cell.cell_type == "markdown"]
        links = re.findall(r"\]\(([^)]+)\)", "\n".join(prose))
        assert [link for link in links if not (notebooks.FOLDER / link).is_file()] == []


def test_the_same_source_gives_the_same_file(tmp_path: Path) -> None:
    source = written(tmp_path)
    content, when = (path := source.with_suffix(".ipynb")).read_bytes(), path.stat().st_mtime_ns
    time.sleep(0.01)
    notebooks.write(notebooks.with_outputs_of(notebooks.notebook_from(source), notebooks.read_notebook(source)), path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (content, when)


def test_a_magic_is_a_comment_in_the_source_alone(tmp_path: Path) -> None:
    assert notebooks.notebook_from(written(tmp_path)).cells[2].source == "%matplotlib inline"


def test_outputs_last_as_long_as_the_code(tmp_path: Path) -> None:
    source = written(tmp_path)
    source.write_text(TINY.replace("Title", "Another title"))
    kept = notebooks.with_outputs_of(notebooks.notebook_from(source), notebooks.read_notebook(source))
    assert [output.text for output in outputs(kept)] == ["42\n"]
    source.write_text(TINY.replace("6 * 7", "6 * 8"))
    lost = notebooks.with_outputs_of(notebooks.notebook_from(source), notebooks.read_notebook(source))
    assert outputs(lost) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TINY.replace("Title", "Another title"), ["cell 0"]),
        (TINY.replace("6 * 7", "6 * 8"), ["cell 1"]),
        (TINY + "\n# %%\n1\n", ["3 cells instead of 4"]),
    ],
)
def test_what_differs_is_told(tmp_path: Path, text: str, told: list[str]) -> None:
    source = written(tmp_path)
    assert notebooks.differences(source) == []
    source.write_text(text)
    assert notebooks.differences(source) == told


def test_a_check_fails_where_notebooks_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notebooks, "sources", lambda: [written(tmp_path)])
    assert notebooks.main(["--check"]) == 0
    source = tmp_path / "1_tiny.py"
    monkeypatch.setattr(notebooks, "sources", lambda: [source])
    source.write_text(TINY.replace("6 * 7", "6 * 8"))
    assert notebooks.main(["--check"]) == 1
    assert "1_tiny.ipynb differs from 1_tiny.py: cell 1. Run: python scripts/notebooks.py" in capsys.readouterr().out
    source.with_suffix(".ipynb").unlink()
    assert notebooks.main(["--check"]) == 1
    assert notebooks.main([]) == 0
    assert notebooks.main(["--check"]) == 0


def test_a_cell_that_fails_is_an_error(tmp_path: Path) -> None:
    source = tmp_path / "1_tiny.py"
    source.write_text("# %%\nimport os, sys\nprint(sys.executable, os.environ['IPYTHONDIR'])\n\n# %%\n1 / 0\n")
    notebook = notebooks.notebook_from(source)
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.execute(notebook)
    (told,) = outputs(notebook)[:1]
    executable, folder = told.text.split()
    assert executable == __import__("sys").executable
    assert not Path(folder).exists()  # it was made for the run, and is gone
