"""Makes the notebooks from their sources.

Each notebooks/NAME.py, in percent format, is what is edited; NAME.ipynb beside it is made from it. Outputs are kept
as long as no code cell has changed.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_SECONDS = 280  # a cell may take on a machine that does much else; each whole notebook is meant to take 60


def sources(folder: Path = FOLDER) -> list[Path]:
    """Give the sources, in the order in which they are read."""
    return sorted(folder.glob("*.py"))


def notebook_from(source: Path) -> NotebookNode:
    """Read a source as a notebook without outputs; the same source always gives the same notebook."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", NotebookNode()
    return notebook


def read_notebook(source: Path) -> NotebookNode | None:
    """Read the notebook beside a source; None if there is none."""
    path = source.with_suffix(".ipynb")
    return nbformat.read(path, as_version=4) if path.exists() else None


def differences(source: Path) -> list[str]:
    """Say in which cells the notebook beside a source is not what the source says; outputs do not count."""
    wanted, found = notebook_from(source), read_notebook(source)
    if found is None:
        return ["the notebook is missing"]
    told = [] if dict(found.metadata) == METADATA else ["the metadata"]
    if len(wanted.cells) != len(found.cells):
        told.append(f"{len(found.cells)} cells instead of {len(wanted.cells)}")
    pairs = zip(wanted.cells, found.cells, strict=False)
    return told + [f"cell {number}" for number, (one, other) in enumerate(pairs) if _content(one) != _content(other)]


def _content(cell: NotebookNode) -> tuple[Any, ...]:
    return cell.id, cell.cell_type, cell.source, dict(cell.metadata)


def with_outputs_of(notebook: NotebookNode, earlier: NotebookNode | None) -> NotebookNode:
    """Take over an earlier notebook's outputs, if it ran the same code."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    ran = [cell for cell in earlier.cells if cell.cell_type == "code"] if earlier is not None else []
    if [cell.source for cell in code] == [cell.source for cell in ran]:
        for cell, other in zip(code, ran, strict=True):
            cell.outputs, cell.execution_count = other.outputs, other.execution_count
    return notebook


def execute(notebook: NotebookNode) -> NotebookNode:
    """Run a notebook by the Python that runs this, in an empty folder, and keep its outputs.

    No kernel has to be installed, and nothing is read from or written to the user's own Jupyter and IPython folders.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        own = {name: f"{folder}/{name}" for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
        path = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ |= own | {"IPYTHONDIR": f"{folder}/IPYTHONDIR", "PYTHONPATH": os.pathsep.join(path)}
        os.environ.pop("MPLBACKEND", None)  # a notebook shows its figures
        work = Path(folder, "work")
        work.mkdir()
        try:
            asyncio.run(_execute(notebook, work))
        finally:
            os.environ.clear()
            os.environ |= environment
    for cell in notebook.cells:
        cell.metadata = NotebookNode()
    notebook.metadata = nbformat.from_dict(METADATA)  # the kernel has added its version
    return notebook


async def _execute(notebook: NotebookNode, folder: Path) -> None:
    # Without folders to look in, the kernel is ipykernel's own, started by sys.executable.
    kernels = KernelSpecManager(kernel_dirs=[])
    # Through files, no port is open that others on the machine could talk to.
    talk = {"transport": "ipc", "ip": str(folder.parent / "ipc")}
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kernels, **talk)
    resources = {"metadata": {"path": str(folder)}}
    client = NotebookClient(notebook, manager, timeout=_SECONDS, record_timing=False, resources=resources)
    await client.async_execute(cleanup_kc=True)  # or the kernel would live on


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook, if that changes its file."""
    text = nbformat.writes(notebook) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write all notebooks, run them first, or check them; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    one = parser.add_mutually_exclusive_group()
    one.add_argument("--run", action="store_true", help="run the notebooks, and write them with their outputs")
    one.add_argument("--check", action="store_true", help="write nothing; fail if a notebook differs from its source")
    settings = parser.parse_args(arguments)
    status = 0
    for source in sources():
        path = source.with_suffix(".ipynb")
        if settings.check:
            if told := differences(source):
                print(f"{path.name} differs from {source.name}: {', '.join(told)}. Run: python scripts/notebooks.py")
                status = 1
        elif settings.run:
            write(execute(notebook_from(source)), path)
        else:
            write(with_outputs_of(notebook_from(source), read_notebook(source)), path)
    return status


if __name__ == "__main__":
    sys.exit(main())
