"""`lwtrain compare RUN RUN ...`: runs side by side, in a picture and a table."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lwtrain.commands.many_runs import add_choice_of_runs
from lwtrain.commands.parser import CommandParser, summary

if TYPE_CHECKING:
    from lwtrain.comparison import Contender
    from lwtrain.results_table import ResultsTable
    from lwtrain.runs import Run

FORMATS = (".html", ".png", ".svg")


def main(arguments: Sequence[str]) -> None:
    """Print the table and draw the picture.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If there are no such runs, or they do not differ in what is averaged over.
        DataError: If what a run has logged is damaged.
        WriteError: If the picture cannot be written.
        SystemExit: With code 2 if the arguments are mistaken.
    """
    parser = make_parser()
    given = parser.parse_args(arguments)
    if given.to.suffix not in FORMATS:
        parser.error(f"--to {given.to}: name a .html, .png or .svg file")

    from lwtrain.comparison import contenders
    from lwtrain.config.run_folders import check_writable
    from lwtrain.files import write_whole
    from lwtrain.results_table import ResultsTable
    from lwtrain.run_filter import runs_where

    check_writable(given.to.parent, "--to")
    runs = runs_where(_found(given.runs), given.where)
    root = Path(os.path.commonpath([run.folder.absolute().parent for run in runs]))
    root = root.relative_to(Path.cwd()) if root.is_relative_to(Path.cwd()) else root
    table = ResultsTable.of(runs, root, given.metric)
    drawn = contenders(runs, root, given.over)
    if given.over:
        table = table.over(given.over)
    table.show()

    from lwtrain.pictures.comparison import draw_comparison

    if given.to.suffix == ".html":
        from lwtrain.comparison_page import comparison_page

        page = comparison_page(draw_comparison(drawn), table, f"{len(drawn)} ways to train, {len(runs)} runs")
        write_whole(given.to, lambda file: file.write(page.encode()))
    else:
        figure = draw_comparison(drawn, _figures_of(drawn, table))
        write_whole(given.to, lambda file: figure.savefig(file, format=given.to.suffix[1:], dpi=150))
    print(given.to)


def make_parser() -> CommandParser:
    """Say what the command takes."""
    parser = CommandParser(
        "lwtrain compare",
        description=summary("compare"),
        epilog="A folder of many runs, such as a sweep's, stands for all runs in it.",
    )
    parser.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="folders of runs, or of many runs")
    add_choice_of_runs(parser)
    parser.add_argument(
        "--to", metavar="FILE", type=Path, default=Path("comparison.html"), help=".html, .png or .svg (comparison.html)"
    )
    return parser


def _figures_of(drawn: Sequence["Contender"], table: "ResultsTable") -> list[list[str]]:
    """Give the table's figures below their headings, a row for each contender: those without any have none in it."""
    rows = iter([row[1 + len(table.settings) :] for row in table.texts()])
    known = [any(tag in run.figures for run in each.runs for tag in table.figures) for each in drawn]
    single = len(table.rows) == len(drawn)
    filled = [next(rows) if single or has_figures else [""] * len(table.figures) for has_figures in known]
    return [[tag.removesuffix("/accuracy") for tag in table.figures], *filled]


def _found(folders: Sequence[Path]) -> list["Run"]:
    """Find the runs, each once, that have come to something or failed."""
    from lwtrain.errors import ConfigError
    from lwtrain.runs import find_runs

    runs: dict[Path, Run] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder; name runs, such as outputs/<date>/<time>")
        found = find_runs(folder)
        if not found:
            raise ConfigError(f"{folder}: there are no runs in it")
        runs |= {run.folder.absolute(): run for run in found}
    return list(runs.values())
