"""What stands at the end of a multirun: a table of its runs on the screen, and `results.csv` in its folder."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console

from lwtrain.config.launchers import end_with_the_program
from lwtrain.config.run_folders import how_to_go_on
from lwtrain.results_table import ResultsTable
from lwtrain.runs import by_number, find_runs

RESULTS = "results.csv"

_started: dict[Path, bool] = {}  # folders of multiruns, and whether their runs end with the program


class FolderOfMultirun(Callback):
    """Hears from Hydra which folder a multirun gets; conf/hydra/default.yaml names this class.

    Hydra's own call at the end does not come if a run has failed, so the end is `results_shown`'s.
    """

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Remember the folder, and whether its runs end when the program is stopped."""
        _started[Path(config.hydra.sweep.dir)] = end_with_the_program(config.hydra)


@contextmanager
def results_shown(console: Console | None = None) -> Iterator[None]:
    """Show what came of the runs of a multirun that is started within, whether or not all of them succeeded.

    If it is stopped with Ctrl-C, say how to go on: runs that have processes of their own are ended before they could.
    """
    _started.clear()
    try:
        yield
    except KeyboardInterrupt:
        for folder, have_ended in _started.items():
            if have_ended:
                sys.stderr.write(f"{how_to_go_on(folder, folder)}\n")
        raise
    finally:
        for folder in _started:
            _show(folder, console)


def _show(folder: Path, console: Console | None) -> None:
    runs = sorted(find_runs(folder), key=lambda run: by_number(run.folder))  # some launchers start many at once
    if not runs:
        return
    table = ResultsTable.of(runs, folder)
    table.write_csv(folder / RESULTS)
    if any(run.settings.get("progress") != "none" for run in runs):
        console = console or Console(highlight=False)
        table.show(console)
        console.print(f"results      {folder / RESULTS}", soft_wrap=True)
